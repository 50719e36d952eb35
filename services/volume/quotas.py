"""Limits of projects: the defaults, a class's and a project's own, and the check that a creation fits."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.platform.faults import TooLarge
from services.volume.models import ProjectQuota, QuotaClass, Snapshot, Volume, VolumeType

#: -1 is no limit. Generous, since a lab is there to be used.
DEFAULTS: dict[str, int] = {
    "volumes": 500,
    "snapshots": 500,
    "gigabytes": 50_000,
    "per_volume_gigabytes": -1,
    "backups": 10,
    "backup_gigabytes": 1000,
    "groups": 10,
}

DEFAULT_CLASS = "default"


def names(session: Session) -> list[str]:
    """All that is limited: the general names, and three for each volume type."""
    types = session.scalars(select(VolumeType.name).order_by(VolumeType.number)).all()
    return [*DEFAULTS, *(f"{what}_{kind}" for kind in types for what in ("volumes", "gigabytes", "snapshots"))]


def defaults(session: Session, known: list[str]) -> dict[str, int]:
    """The limits of a project that has none of its own."""
    row = session.get(QuotaClass, DEFAULT_CLASS)
    own = row.limits if row else {}
    return {name: own.get(name, DEFAULTS.get(name, -1)) for name in known}


def limits_of(session: Session, project_id: str) -> dict[str, int]:
    """The limits in force for a project."""
    row = session.get(ProjectQuota, project_id)
    known = names(session)
    own = {name: limit for name, limit in (row.limits if row else {}).items() if name in known}
    return defaults(session, known) | own


def lock_project(session: Session, project_id: str) -> ProjectQuota:
    """Make this transaction and any other that creates in the same project exclude one another.

    The row's generation moves, so of two that counted at the same time only one commits; the other counts again.
    """
    row = session.get(ProjectQuota, project_id)
    if row is None:
        row = ProjectQuota(project_id=project_id, limits={}, changes=0)
        session.add(row)
    else:
        row.changes += 1
    session.flush()
    return row


def usage_of(session: Session, project_id: str) -> dict[str, int]:
    """What a project's volumes and snapshots take. A snapshot counts with the size of its volume, as in Cinder."""
    usage: dict[str, int] = dict.fromkeys(DEFAULTS, 0)
    types = {row.id: row.name for row in session.execute(select(VolumeType.id, VolumeType.name))}
    for model, what in ((Volume, "volumes"), (Snapshot, "snapshots")):
        counted = (
            select(model.type_id, func.count(), func.coalesce(func.sum(model.size), 0))
            .where(model.project_id == project_id, model.deleted.is_(False))
            .group_by(model.type_id)
        )
        for type_id, count, size in session.execute(counted):
            kind = types.get(type_id, "")
            for name, amount in ((what, count), ("gigabytes", int(size))):
                usage[name] = usage.get(name, 0) + amount
                usage[f"{name}_{kind}"] = usage.get(f"{name}_{kind}", 0) + amount
    return usage


def check(limits: Mapping[str, int], usage: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Raises TooLarge, in Cinder's words, where `wanted` more than there is would be over a limit."""
    for name, amount in wanted.items():
        limit, used = limits.get(name, -1), usage.get(name, 0)
        if limit < 0 or used + amount <= limit:
            continue
        if name.startswith("gigabytes"):
            problem = (
                f"Requested volume or snapshot exceeds allowed {name} quota. Requested {amount}G, quota is {limit}G "
                f"and {used}G has been consumed."
            )
        elif name.startswith("snapshots"):
            problem = f"Maximum number of snapshots allowed ({limit}) exceeded"
        else:
            problem = f"Maximum number of volumes allowed ({limit}) exceeded for quota '{name}'."
        raise TooLarge(problem, headers={"Retry-After": "0"})


def reserve(session: Session, project_id: str, kind: str, *, volumes: int = 0, snapshots: int = 0, size: int) -> None:
    """Make sure that so many more of type `kind`, together `size` GiB, fit, and that nobody else takes the room.

    Raises TooLarge.
    """
    lock_project(session, project_id)
    limits, usage = limits_of(session, project_id), usage_of(session, project_id)
    wanted = {"volumes": volumes, "snapshots": snapshots, "gigabytes": size}
    wanted |= {f"{name}_{kind}": amount for name, amount in wanted.items()}
    check(limits, usage, {name: amount for name, amount in wanted.items() if amount})


def check_volume_size(session: Session, project_id: str, size: int) -> None:
    """Raises TooLarge for a single volume that is larger than any may be."""
    limit = limits_of(session, project_id)["per_volume_gigabytes"]
    if 0 <= limit < size:
        raise TooLarge(
            f"Requested volume size {size}G is larger than maximum allowed limit {limit}G.",
            headers={"Retry-After": "0"},
        )
