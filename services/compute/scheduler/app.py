"""The scheduler process: composition and handlers."""

from __future__ import annotations

import logging

from services.compute import topics
from services.compute.liveness import Liveness
from services.compute.scheduler.claims import schedule_batch
from services.compute.settings import ComputeSettings
from services.platform.broker import Broker
from services.platform.consumer import Receiver
from services.platform.database import Transactor
from services.platform.hints import Hinter, Hints
from services.platform.logs import configure_logging
from services.platform.settings import read_settings
from services.platform.times import utcnow
from services.platform.worker import Part, Worker

log = logging.getLogger(__name__)

BINARY = "nova-scheduler"


class Scheduler:
    """What the scheduler does when it is told to."""

    def __init__(self, transactor: Transactor, hints: Hinter, settings: ComputeSettings) -> None:
        self._transactor, self._hints, self._settings = transactor, hints, settings

    def schedule(self, instance_ids: list[str]) -> None:
        """Find hosts for the instances that still need one, and hint a conductor to go on with them."""
        done = self._transactor.write(lambda session: schedule_batch(session, instance_ids, self._settings, utcnow()))
        if done.failed:
            log.info("no valid host for %s", ", ".join(done.failed))
        # Also for those that an earlier run of this hint placed: it may have died before it said so.
        self._hints.send(topics.CONDUCTOR, "advance", instance_ids=instance_ids)


def parts(settings: ComputeSettings, transactor: Transactor, broker: Broker, hints: Hinter) -> list[Part]:
    """Everything that runs in a scheduler process."""
    scheduler = Scheduler(transactor, hints, settings)
    return [
        Liveness(transactor, BINARY, settings),
        Receiver(broker, topics.SCHEDULER, {"schedule": scheduler.schedule}, threads=2),
    ]


def main() -> None:
    settings = read_settings(ComputeSettings)
    configure_logging(settings.name, settings.log_level)
    broker = Broker(settings.broker_url, settings.queue_type)
    hints = Hints(broker)
    Worker(parts(settings, Transactor(settings.database_url), broker, hints)).run()
    hints.close()
