"""A replica's sign of life: its row in `services`, written every so often."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from services.platform.database import Transactor
from services.platform.times import utcnow
from services.platform.worker import Periodic
from services.volume.models import Service
from services.volume.settings import VolumeSettings

_NAMESPACE = uuid.UUID("5f0c8a52-1d2e-4b53-9a3b-6d1d7f1c0a03")
BINARY = "cinder-volume"
#: What all replicas serve together: any of them works on any volume.
CLUSTER = "quorate@rbd"
#: Where every volume is, as `host@backend#pool`.
POOL = f"{CLUSTER}#volumes"


def host_of(name: str) -> str:
    """What the replica `name` is called in the list of services."""
    return f"{name}@rbd"


def report_life(session: Session, host: str, now: datetime) -> None:
    """Note that the replica lives. The row's generation is left alone: nobody decides upon this column."""
    mine = (Service.binary == BINARY) & (Service.host == host)
    seen = session.execute(update(Service).where(mine).values(last_seen_at=now))
    if seen.rowcount == 0 and session.scalar(select(Service.id).where(mine)) is None:  # type: ignore[attr-defined]
        session.add(Service(uuid=str(uuid.uuid5(_NAMESPACE, host)), binary=BINARY, host=host, last_seen_at=now))


def is_up(last_seen_at: datetime | None, now: datetime, down_after: float) -> bool:
    """Whether a replica that was last heard of at that time counts as living."""
    return last_seen_at is not None and now - last_seen_at < timedelta(seconds=down_after)


class Liveness(Periodic):
    """Reports this replica's life until it stops."""

    def __init__(self, transactor: Transactor, settings: VolumeSettings) -> None:
        def report() -> None:
            try:
                transactor.write(lambda session: report_life(session, host_of(settings.name), utcnow()))
            except IntegrityError:
                return  # another thread registered it in the same moment
            except DBAPIError as error:
                if "doesn't exist" not in str(error) and "no such table" not in str(error):
                    raise  # before the bootstrap job has run, there is no table; it will come

        super().__init__(settings.report_seconds, report, f"{BINARY} life")
