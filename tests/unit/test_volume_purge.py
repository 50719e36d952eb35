"""What is long over is forgotten; what is not stays."""

from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path

from services.platform.times import utcnow
from services.volume.models import Snapshot, UserMessage, Volume, VolumeType, Work
from services.volume.work.purge import KEPT, purge
from tests.unit.volume_world import World


def test_tombstones_stay_for_a_month_and_what_lives_for_ever() -> None:
    with tempfile.TemporaryDirectory() as directory:
        world = World(Path(directory))
        kept, gone = world.volume(), world.volume()
        world.worker().work([kept, gone])
        snapshot = world.snapshot(kept)
        failed = world.volume(image_id="nothing")
        world.worker().work([snapshot, failed])
        world.ask(gone, "delete")
        world.ask_snapshot(snapshot, "delete")
        world.worker().work([gone, snapshot])
        assert [message.resource_uuid for message in world.messages()] == [failed]

        world.transactor.write(lambda session: purge(session, utcnow() + KEPT - timedelta(hours=1)))
        assert len(world.rows(Volume)) == 3
        world.transactor.write(lambda session: purge(session, utcnow() + KEPT + timedelta(hours=1)))
        assert {row.id for row in world.rows(Volume)} == {kept, failed}
        assert world.rows(Snapshot) == []
        assert {row.resource_id for row in world.rows(Work)} == {kept, failed}
        assert world.rows(UserMessage) == []
        assert len(world.rows(VolumeType)) == 1
        world.close()
