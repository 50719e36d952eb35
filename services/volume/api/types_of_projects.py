"""Which volume types a project may use, and which one it gets if it names none."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.platform.context import Context
from services.platform.faults import NotFound
from services.volume.api.body import is_uuid
from services.volume.models import DefaultType, VolumeType

_MULTIATTACH = "multiattach"


def may_use(kind: VolumeType, context: Context) -> bool:
    return kind.is_public or context.is_admin or context.access.project_id in {one.project_id for one in kind.access}


def find_type(session: Session, reference: str, context: Context) -> VolumeType:
    """The type of this id or name, if the bearer may use it. Raises NotFound."""
    kind = session.get(VolumeType, reference) if is_uuid(reference) and len(reference) == 36 else None
    if kind is None and len(reference) <= 255:
        kind = session.scalar(select(VolumeType).where(VolumeType.name == reference))
    if kind is None or not may_use(kind, context):
        what = f"Volume type {reference}" if is_uuid(reference) else f"Volume type with name {reference}"
        raise NotFound(f"{what} could not be found.")
    return kind


def default_type(session: Session, project_id: str | None, name: str) -> VolumeType:
    """The project's own default, else the type called `name`. Raises NotFound where there is none."""
    own = session.get(DefaultType, project_id) if project_id else None
    kind = session.get(VolumeType, own.type_id) if own else None
    kind = kind or session.scalar(select(VolumeType).where(VolumeType.name == name))
    if kind is None:
        raise NotFound(f"The default volume type {name} does not exist: name a volume_type, or have one made.")
    return kind


def is_multiattach(kind: VolumeType) -> bool:
    """Whether volumes of the type may be attached more than once at a time."""
    return kind.extra_specs.get(_MULTIATTACH) == "<is> True"
