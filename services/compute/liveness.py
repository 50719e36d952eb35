"""A service's sign of life: its row in `services`, written every so often."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from services.compute.models import Service
from services.compute.settings import ComputeSettings
from services.platform.database import Transactor
from services.platform.times import utcnow
from services.platform.worker import Periodic

_NAMESPACE = uuid.UUID("5f0c8a52-1d2e-4b53-9a3b-6d1d7f1c0a01")


def report_life(session: Session, binary: str, host: str, now: datetime) -> None:
    """Note that `binary` on `host` lives. The row's generation is left alone: nobody decides upon this column."""
    seen = session.execute(
        update(Service).where(Service.binary == binary, Service.host == host).values(last_seen_at=now)
    )
    if seen.rowcount == 0 and find_service(session, binary, host) is None:  # type: ignore[attr-defined]
        identity = str(uuid.uuid5(_NAMESPACE, f"{binary}@{host}"))
        session.add(Service(uuid=identity, binary=binary, host=host, last_seen_at=now))


def find_service(session: Session, binary: str, host: str) -> Service | None:
    return session.scalar(select(Service).where(Service.binary == binary, Service.host == host))


class Liveness(Periodic):
    """Reports this process's life until it stops."""

    def __init__(self, transactor: Transactor, binary: str, settings: ComputeSettings) -> None:
        def report() -> None:
            try:
                transactor.write(lambda session: report_life(session, binary, settings.name, utcnow()))
            except IntegrityError:
                return  # another thread registered it in the same moment
            except DBAPIError as error:
                if "doesn't exist" not in str(error) and "no such table" not in str(error):
                    raise  # before the bootstrap job has run, there is no table; it will come

        super().__init__(settings.report_seconds, report, f"{binary} life")
