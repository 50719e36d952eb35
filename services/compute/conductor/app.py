"""The conductor process: composition."""

from __future__ import annotations

from services.compute import topics
from services.compute.conductor.advance import Advance
from services.compute.conductor.attaching import Attaching
from services.compute.conductor.attachment_steps import Steps
from services.compute.conductor.reports import Reports
from services.compute.conductor.strays import Strays
from services.compute.conductor.unwanted_images import UnwantedImages
from services.compute.image_service import image_client
from services.compute.liveness import Liveness
from services.compute.sealed import Seal
from services.compute.settings import ComputeSettings
from services.compute.volume_service import volume_client
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
    volumes = volume_client(settings)
    advance = Advance(transactor, hints, settings)
    attaching = Attaching(transactor, hints, Steps(volumes, Seal(settings.service_password)), settings)
    strays = Strays(transactor, volumes, attaching)
    reports = Reports(transactor, hints, settings)
    unwanted = UnwantedImages(transactor, image_client(settings))
    handlers: dict[str, Handler] = {
        "advance": advance.advance,
        "attachments": attaching.work,
        "volume_outcome": attaching.outcome,
        "outcome": reports.outcome,
        "life": reports.life,
        "inventory": reports.inventory,
    }
    running: list[Part] = [
        Liveness(transactor, BINARY, settings),
        Receiver(broker, topics.CONDUCTOR, handlers, threads=4),
        Periodic(1.0, advance.sweep, "sweep"),
        Periodic(1.0, attaching.sweep, "attachments"),
        Periodic(5.0, unwanted.sweep, "images"),
    ]
    if settings.volume_url:
        running.append(Periodic(settings.stray_seconds, strays.look, "strays"))
    return running


def main() -> None:
    settings = read_settings(ComputeSettings)
    configure_logging(settings.name, settings.log_level)
    broker = Broker(settings.broker_url, settings.queue_type)
    hints = Hints(broker)
    Worker(parts(settings, Transactor(settings.database_url), broker, hints)).run()
    hints.close()
