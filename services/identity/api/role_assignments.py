"""`/v3/role_assignments`: who has which role where, as stored or as it comes out (`effective`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api.common import Call, CallDep, v3_router
from services.identity.api.lists import list_body, truth
from services.identity.models import Ancestor, Assignment, Domain, Group, ImpliedRole, Membership, Project, Role, User
from services.identity.role_rules import Grant, Surroundings, effective
from services.platform.faults import BadRequest

router = v3_router()


@dataclass(frozen=True, slots=True)
class Question:
    """What the query asks for."""

    user_id: str | None
    group_id: str | None
    role_id: str | None
    project_id: str | None
    domain_id: str | None
    system: bool
    inherited: bool
    effective: bool

    @classmethod
    def of(cls, call: Call) -> Question:
        """Raises BadRequest where the parts of the question exclude each other."""
        given = call.query
        asked = cls(
            user_id=given("user.id"),
            group_id=given("group.id"),
            role_id=given("role.id"),
            project_id=given("scope.project.id"),
            domain_id=given("scope.domain.id"),
            system=given("scope.system") is not None,
            inherited=given("scope.OS-INHERIT:inherited_to") == "projects",
            effective=given("effective") is not None and truth(given("effective") or "true"),
        )
        if asked.user_id and asked.group_id:
            raise BadRequest("Specify a user or group, not both")
        if asked.project_id and asked.domain_id:
            raise BadRequest("Specify a domain or project, not both")
        if asked.effective and asked.group_id:
            raise BadRequest("Combining effective and group filter will always result in an empty list.")
        return asked

    def matches(self, grant: Grant) -> bool:
        return (
            self.user_id in (None, grant.actor_id if grant.actor_type == "user" else "")
            and self.group_id in (None, grant.actor_id if grant.actor_type == "group" else "")
            and self.role_id in (None, grant.role_id)
            and self.project_id in (None, grant.target_id if grant.target_type == "project" else "")
            and self.domain_id in (None, grant.target_id if grant.target_type == "domain" else "")
            and (not self.system or grant.target_type == "system")
            and (not self.inherited or grant.inherited)
        )


def _pairs(session: Session, key: Any, value: Any) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one, other in session.execute(select(key, value)):
        found.setdefault(one, set()).add(other)
    return found


def find_grants(session: Session, asked: Question) -> list[Grant]:
    columns = (Assignment.actor_type, Assignment.actor_id, Assignment.target_type, Assignment.target_id)
    rows = session.execute(select(*columns, Assignment.role_id, Assignment.inherited).order_by(*columns))
    grants: Iterable[Grant] = [Grant(*row) for row in rows]
    if asked.effective:
        around = Surroundings(
            members=_pairs(session, Membership.group_id, Membership.user_id),
            ancestors=_pairs(session, Ancestor.project_id, Ancestor.ancestor_id),
            implied=_pairs(session, ImpliedRole.prior_id, ImpliedRole.implied_id),
        )
        # A role of one domain only stands for those it implies, as in tokens.
        local = set(session.scalars(select(Role.id).where(Role.domain_id != "")))
        grants = (grant for grant in effective(grants, around) if grant.role_id not in local)
    return [grant for grant in grants if asked.matches(grant)]


class Names:
    """The names behind the ids of grants, with their domains."""

    def __init__(self, session: Session) -> None:
        domains = {row.id: row.name for row in session.execute(select(Domain.id, Domain.name))}
        self._found: dict[str, dict[str, Any]] = {key: {"id": key, "name": name} for key, name in domains.items()}
        for model in (User, Group, Project):
            for key, name, domain_id in session.execute(select(model.id, model.name, model.domain_id)):
                domain = {"id": domain_id, "name": domains.get(domain_id, "")}
                self._found[key] = {"id": key, "name": name, "domain": domain}
        for key, name in session.execute(select(Role.id, Role.name)):
            self._found[key] = {"id": key, "name": name}

    def of(self, key: str) -> dict[str, Any]:
        return self._found.get(key, {"id": key, "name": ""})


def render(call: Call, grant: Grant, names: Names | None) -> dict[str, Any]:
    def ref(key: str) -> dict[str, Any]:
        return names.of(key) if names is not None else {"id": key}

    scope: dict[str, Any]
    target = f"{grant.target_type}s/{grant.target_id}"
    if grant.target_type == "system":
        scope, target = {"system": {"all": True}}, "system"
    else:
        scope = {grant.target_type: ref(grant.target_id)}
    path = f"{target}/{grant.actor_type}s/{grant.actor_id}/roles/{grant.role_id}"
    if grant.inherited:
        scope["OS-INHERIT:inherited_to"] = "projects"
        path = f"OS-INHERIT/{path}/inherited_to_projects"
    return {
        "role": ref(grant.role_id),
        grant.actor_type: ref(grant.actor_id),
        "scope": scope,
        "links": {"assignment": call.url(path)},
    }


@router.get("/role_assignments")
def list_role_assignments(call: CallDep) -> Response:
    call.require_reader("list_role_assignments")
    asked = Question.of(call)
    named = call.query("include_names")

    def find(session: Session) -> tuple[list[Grant], Names | None]:
        return find_grants(session, asked), Names(session) if named is not None and truth(named) else None

    grants, names = call.read(find)
    return list_body(call, "role_assignments", [render(call, grant, names) for grant in grants])
