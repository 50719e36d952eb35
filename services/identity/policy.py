"""Who may do what. Decisions only; `admin` on anything administers all, as with Keystone's defaults."""

from __future__ import annotations

from services.platform.context import Access

#: Those who may validate other people's tokens.
VALIDATORS = frozenset({"admin", "service"})


def is_admin(access: Access) -> bool:
    return "admin" in access.roles


def reads_everything(access: Access) -> bool:
    """Administrators, and readers of the system."""
    return is_admin(access) or (access.system and "reader" in access.roles)


def reads_domain(access: Access, domain_id: str | None) -> bool:
    """Whether the users, groups and projects of a domain are visible: to the domain's own readers too."""
    return reads_everything(access) or (
        domain_id is not None and access.domain_id == domain_id and "reader" in access.roles
    )


def sees_project(access: Access, project_id: str, domain_id: str) -> bool:
    return reads_domain(access, domain_id) or access.project_id == project_id


def sees_domain(access: Access, domain_id: str) -> bool:
    """A domain itself is visible to all whose token is for it or for a project of it."""
    return reads_everything(access) or domain_id in (access.domain_id, access.project_domain_id)


def own_or_reads(access: Access, user_id: str, domain_id: str | None = None) -> bool:
    """What belongs to a user is visible to that user."""
    return access.user_id == user_id or reads_domain(access, domain_id)
