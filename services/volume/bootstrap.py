"""The volume service's part of the bootstrap job: the schema, and the default type. Harmless to repeat."""

from __future__ import annotations

import uuid

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.platform.database import Transactor
from services.platform.migrations import upgrade
from services.volume import MIGRATIONS
from services.volume.models import VolumeType

_NAMESPACE = uuid.UUID("5f0c8a52-1d2e-4b53-9a3b-6d1d7f1c0a04")
DEFAULT_TYPE = "__DEFAULT__"


def bootstrap(transactor: Transactor) -> None:
    """Bring the schema up to date; add the default type to a cloud that has none."""
    upgrade(transactor.engine, MIGRATIONS)
    transactor.write(_add_default_type)


def _add_default_type(session: Session) -> None:
    if session.scalar(select(func.count()).select_from(VolumeType)):
        return
    session.add(
        VolumeType(
            id=str(uuid.uuid5(_NAMESPACE, DEFAULT_TYPE)), number=0, name=DEFAULT_TYPE, is_public=True, extra_specs={},
            description="Default Volume Type",
        )
    )  # fmt: skip
