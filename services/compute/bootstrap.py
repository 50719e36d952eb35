"""Compute's part of the bootstrap job: the schema, and flavors to begin with. Harmless to repeat."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.compute import MIGRATIONS
from services.compute.models import Flavor
from services.platform.database import Transactor
from services.platform.migrations import upgrade

#: id, name, vcpus, memory (MiB), disk (GiB): OpenStack's traditional ones, and a tiny one for labs.
FLAVORS = (
    ("42", "m1.nano", 1, 64, 1),
    ("1", "m1.tiny", 1, 512, 1),
    ("2", "m1.small", 1, 2048, 20),
    ("3", "m1.medium", 2, 4096, 40),
    ("4", "m1.large", 4, 8192, 80),
    ("5", "m1.xlarge", 8, 16384, 160),
)


def bootstrap(transactor: Transactor) -> None:
    """Bring the schema up to date; add the default flavors to a cloud that has none."""
    upgrade(transactor.engine, MIGRATIONS)
    transactor.write(_add_flavors)


def _add_flavors(session: Session) -> None:
    if session.scalar(select(func.count()).select_from(Flavor)):
        return
    for flavor_id, name, vcpus, memory, disk in FLAVORS:
        session.add(Flavor(id=flavor_id, name=name, vcpus=vcpus, memory_mb=memory, disk_gb=disk, extra_specs={}))
