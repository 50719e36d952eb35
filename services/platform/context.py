"""Who is asking: what a validated token says, and the few questions that policy asks of it."""

from __future__ import annotations

from dataclasses import dataclass

from services.platform.faults import Forbidden
from services.platform.request import RequestKey


@dataclass(frozen=True, slots=True)
class Access:
    """What a validated token says of its bearer. `expires_at` is seconds since the epoch."""

    user_id: str
    user_name: str
    user_domain_id: str
    project_id: str | None
    project_name: str | None
    project_domain_id: str | None
    domain_id: str | None
    system: bool
    roles: frozenset[str]
    expires_at: float
    audit_id: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """One authenticated request."""

    access: Access
    request: RequestKey
    token: str

    @property
    def user_id(self) -> str:
        return self.access.user_id

    @property
    def project_id(self) -> str:
        """The token's project; an unscoped token has none and may not act on a project's resources (403)."""
        if self.access.project_id is None:
            raise Forbidden("This token is not scoped to a project. Authenticate with a project and retry.")
        return self.access.project_id

    @property
    def is_admin(self) -> bool:
        return "admin" in self.access.roles

    def require_admin(self) -> None:
        """Raises Forbidden unless the bearer has the role `admin`."""
        if not self.is_admin:
            raise Forbidden("This action is for administrators (role admin).")

    def require_writer(self) -> None:
        """Raises Forbidden for a bearer who may only read (role `reader` and nothing more)."""
        if not self.access.roles & {"admin", "manager", "member", "service"}:
            raise Forbidden("This action needs the role member; your token may only read.")

    def sees_project(self, project_id: str | None) -> bool:
        """Whether resources of `project_id` are visible to the bearer."""
        return self.is_admin or (project_id is not None and project_id == self.access.project_id)
