"""The queues that services declare."""

from __future__ import annotations

import pytest

from services.platform.broker import Broker
from services.platform.settings import Settings, read_settings


def test_queues_are_quorum_queues_unless_a_lab_shows_what_that_is_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read_settings(Settings)
    queue = Broker(settings.broker_url, settings.queue_type).work_queue("conductor")
    assert queue.queue_arguments["x-queue-type"] == "quorum"
    assert queue.durable
    monkeypatch.setenv("QUORATE_QUEUE_TYPE", "classic")
    settings = read_settings(Settings)
    assert Broker("memory://", settings.queue_type).work_queue("conductor").queue_arguments["x-queue-type"] == "classic"
    monkeypatch.setenv("QUORATE_QUEUE_TYPE", "stream")
    with pytest.raises(SystemExit):
        read_settings(Settings)
