"""Settings common to all processes: one frozen class, read from the environment once, in each process's `app.py`."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal

import environment
from environment import read_settings

__all__ = ["Settings", "read_settings"]


class Settings(environment.Settings, frozen=True, kw_only=True):
    """What a process needs to know about its surroundings; each has a variable `QUORATE_<NAME>`."""

    region: str = "region-one"
    #: This replica's or host's own name, as `status` and the service list show it.
    name: str = socket.gethostname()
    #: Address and port that an HTTP process listens on.
    listen: str = "0.0.0.0"
    port: int = 0
    database_url: str = ""
    #: One or more brokers, separated by semicolons.
    broker_url: str = "memory://"
    #: RabbitMQ's type of the queues: quorum, or classic.
    queue_type: Literal["quorum", "classic"] = "quorum"
    #: Where other services are reached from here (the load balancer's address).
    identity_url: str = "http://127.0.0.1:5000"
    image_url: str = "http://127.0.0.1:9292"
    #: The process's own files: image data, guests.
    data_dir: Path = Path("/var/lib/quorate")
    #: Seconds for which a validated token is believed without asking identity again.
    token_cache_seconds: float = 3.0
    log_level: str = "INFO"
