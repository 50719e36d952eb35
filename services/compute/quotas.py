"""Limits of projects: the defaults, a project's own, and the check that a creation fits."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.compute.models import Instance, Keypair, ProjectQuota
from services.platform.faults import OverQuota

#: -1 is no limit. Generous, since a lab is there to be used.
DEFAULTS: dict[str, int] = {
    "instances": 500,
    "cores": 2000,
    "ram": 1_048_576,
    "metadata_items": 128,
    "key_pairs": 100,
    "server_groups": 10,
    "server_group_members": 10,
    "injected_files": 5,
    "injected_file_content_bytes": 10_240,
    "injected_file_path_bytes": 255,
    "fixed_ips": -1,
    "floating_ips": -1,
    "security_groups": 10,
    "security_group_rules": 20,
}


def limits_of(session: Session, project_id: str) -> dict[str, int]:
    """The limits in force for a project."""
    row = session.get(ProjectQuota, project_id)
    return {**DEFAULTS, **(row.limits if row else {})}


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
    """What a project's instances, those still being built included, take."""
    rows = session.execute(
        select(Instance.flavor, func.count())
        .where(Instance.project_id == project_id, Instance.deleted.is_(False))
        .group_by(Instance.flavor)
    ).all()
    return {
        "instances": sum(count for _, count in rows),
        "cores": sum(flavor["vcpus"] * count for flavor, count in rows),
        "ram": sum(flavor["memory_mb"] * count for flavor, count in rows),
    }


def keypairs_of(session: Session, user_id: str) -> int:
    return session.scalar(select(func.count()).where(Keypair.user_id == user_id)) or 0


def check(limits: Mapping[str, int], usage: Mapping[str, int], wanted: Mapping[str, int]) -> None:
    """Raises OverQuota, naming what is over, by how much, in Nova's words."""
    over = [name for name, amount in wanted.items() if limits[name] >= 0 and usage.get(name, 0) + amount > limits[name]]
    if over:
        asked = ", ".join(str(wanted[name]) for name in over)
        used = ", ".join(str(usage.get(name, 0)) for name in over)
        limit = ", ".join(str(limits[name]) for name in over)
        raise OverQuota(
            f"Quota exceeded for {', '.join(over)}: Requested {asked}, but already used {used} of {limit} "
            f"{', '.join(over)}"
        )
