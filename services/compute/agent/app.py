"""The agent process: composition."""

from __future__ import annotations

import socket

from services.compute import topics
from services.compute.agent.disks import Disks
from services.compute.agent.fake import FakeDriver
from services.compute.agent.image_cache import ImageCache
from services.compute.agent.journal import Journal
from services.compute.agent.obey import Agent
from services.compute.image_service import image_client
from services.compute.settings import ComputeSettings
from services.platform.broker import Broker
from services.platform.consumer import Handler, Receiver
from services.platform.hints import Hinter, Hints
from services.platform.logs import configure_logging
from services.platform.settings import read_settings
from services.platform.worker import Part, Periodic, Worker

INVENTORY_SECONDS = 10.0


def own_address() -> str:
    """This host's address, as its own name resolves."""
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError:
        return "127.0.0.1"


def parts(settings: ComputeSettings, broker: Broker, hints: Hinter) -> list[Part]:
    """Everything that runs in an agent process."""
    journal, images = Journal(settings.data_dir / "guests"), image_client(settings)
    cache = ImageCache(settings.data_dir / "cache", images, settings.image_cache_mb << 20)
    driver = FakeDriver(journal, Disks(settings.data_dir / "disks", cache), settings)
    agent = Agent(settings.name, own_address(), driver, images, journal, hints)
    handlers: dict[str, Handler] = {"obey": agent.obey, "console_output": agent.console_output}
    return [
        Periodic(settings.report_seconds, agent.report_life, "life"),
        Periodic(INVENTORY_SECONDS, agent.report_inventory, "inventory"),
        Receiver(broker, topics.agent(settings.name), handlers, threads=3),
    ]


def main() -> None:
    settings = read_settings(ComputeSettings)
    configure_logging(settings.name, settings.log_level)
    broker = Broker(settings.broker_url, settings.queue_type)
    hints = Hints(broker)
    Worker(parts(settings, broker, hints)).run()
    hints.close()
