"""The conductor process: composition."""

from __future__ import annotations

from services.compute import topics
from services.compute.conductor.advance import Advance
from services.compute.conductor.reports import Reports
from services.compute.liveness import Liveness
from services.compute.settings import ComputeSettings
from services.platform.broker import Broker
from services.platform.consumer import Handler, Receiver
from services.platform.database import Transactor
from services.platform.hints import Hinter, Hints
from services.platform.logs import configure_logging
from services.platform.settings import read_settings
from services.platform.worker import Part, Periodic, Worker

BINARY = "nova-conductor"


def parts(settings: ComputeSettings, transactor: Transactor, broker: Broker, hints: Hinter) -> list[Part]:
    """Everything that runs in a conductor process."""
    advance = Advance(transactor, hints, settings)
    reports = Reports(transactor, hints, settings)
    handlers: dict[str, Handler] = {
        "advance": advance.advance,
        "outcome": reports.outcome,
        "life": reports.life,
        "inventory": reports.inventory,
    }
    return [
        Liveness(transactor, BINARY, settings),
        Receiver(broker, topics.CONDUCTOR, handlers, threads=4),
        Periodic(0.5, advance.sweep, "sweep"),
    ]


def main() -> None:
    settings = read_settings(ComputeSettings)
    configure_logging(settings.name, settings.log_level)
    broker = Broker(settings.broker_url)
    hints = Hints(broker)
    Worker(parts(settings, Transactor(settings.database_url), broker, hints)).run()
    hints.close()
