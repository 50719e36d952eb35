"""Roles of users and groups on projects, domains and the system, and the ones inherited below (OS-INHERIT).

All of them are the same four operations on the same table; `_add_routes` gives each combination its addresses.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api import roles
from services.identity.api.common import Call, CallDep, get_row, not_found, once, v3_router
from services.identity.api.lists import list_body
from services.identity.models import SYSTEM, Assignment, Domain, Group, Project, Role, User
from services.platform.http import no_content

router = v3_router()


@dataclass(frozen=True, slots=True)
class Kind:
    """One combination: whose roles, on what, and whether they are inherited below it."""

    actor: str
    target: str
    inherited: bool

    def check(self, session: Session, actor_id: str, target_id: str) -> None:
        """Raises NotFound where either does not exist."""
        get_row(session, User if self.actor == "user" else Group, actor_id, self.actor)
        if self.target == "project":
            get_row(session, Project, target_id, "project")
        elif self.target == "domain":
            get_row(session, Domain, target_id, "domain")

    def find(self, session: Session, actor_id: str, target_id: str, role_id: str) -> Assignment | None:
        return session.get(Assignment, (actor_id, target_id, role_id, self.inherited))


def list_grants(call: Call, kind: Kind, actor_id: str, target_id: str) -> Response:
    call.require_reader("list_grants")

    def find(session: Session) -> list[Role]:
        kind.check(session, actor_id, target_id)
        held = select(Assignment.role_id).where(
            Assignment.actor_id == actor_id,
            Assignment.target_id == target_id,
            Assignment.inherited.is_(kind.inherited),
        )
        return list(session.scalars(select(Role).where(Role.id.in_(held)).order_by(Role.id)))

    return list_body(call, "roles", [roles.render(call, row) for row in call.read(find)])


def check_grant(call: Call, kind: Kind, actor_id: str, target_id: str, role_id: str) -> Response:
    call.require_reader("check_grant")
    call.read(lambda session: _existing(session, kind, actor_id, target_id, role_id))
    return no_content()


def _existing(session: Session, kind: Kind, actor_id: str, target_id: str, role_id: str) -> Assignment:
    kind.check(session, actor_id, target_id)
    get_row(session, Role, role_id, "role")
    row = kind.find(session, actor_id, target_id, role_id)
    if row is None:
        not_found(
            f"role assignment with role: {role_id}, user or group: {actor_id}, project, domain, or system", target_id
        )
    return row


def add_grant(call: Call, kind: Kind, actor_id: str, target_id: str, role_id: str) -> Response:
    call.require_admin("create_grant")

    def work(session: Session) -> None:
        kind.check(session, actor_id, target_id)
        get_row(session, Role, role_id, "role")
        if kind.find(session, actor_id, target_id, role_id) is None:
            session.add(
                Assignment(
                    actor_id=actor_id, target_id=target_id, role_id=role_id, inherited=kind.inherited,
                    actor_type=kind.actor, target_type=kind.target,
                )
            )  # fmt: skip

    call.write(work)
    return no_content()


def remove_grant(call: Call, kind: Kind, actor_id: str, target_id: str, role_id: str) -> Response:
    call.require_admin("revoke_grant")
    once(call, lambda session: session.delete(_existing(session, kind, actor_id, target_id, role_id)))
    return no_content()


def _add_routes(kind: Kind, prefix: str, suffix: str, name: str) -> None:
    """`prefix` holds the place of the actor's id and, unless the target is the system, of the target's."""
    handlers: tuple[Callable[..., Response], ...]
    if kind.target == SYSTEM:

        def listing(actor_id: str, call: CallDep) -> Response:
            return list_grants(call, kind, actor_id, SYSTEM)

        def check(actor_id: str, role_id: str, call: CallDep) -> Response:
            return check_grant(call, kind, actor_id, SYSTEM, role_id)

        def add(actor_id: str, role_id: str, call: CallDep) -> Response:
            return add_grant(call, kind, actor_id, SYSTEM, role_id)

        def remove(actor_id: str, role_id: str, call: CallDep) -> Response:
            return remove_grant(call, kind, actor_id, SYSTEM, role_id)

        handlers = (listing, check, add, remove)
    else:

        def listing_on(target_id: str, actor_id: str, call: CallDep) -> Response:
            return list_grants(call, kind, actor_id, target_id)

        def check_on(target_id: str, actor_id: str, role_id: str, call: CallDep) -> Response:
            return check_grant(call, kind, actor_id, target_id, role_id)

        def add_on(target_id: str, actor_id: str, role_id: str, call: CallDep) -> Response:
            return add_grant(call, kind, actor_id, target_id, role_id)

        def remove_on(target_id: str, actor_id: str, role_id: str, call: CallDep) -> Response:
            return remove_grant(call, kind, actor_id, target_id, role_id)

        handlers = (listing_on, check_on, add_on, remove_on)
    many, one = f"{prefix}/roles{suffix}", f"{prefix}/roles/{{role_id}}{suffix}"
    routes = (("list", "GET", many), ("check", "GET", one), ("add", "PUT", one), ("remove", "DELETE", one))
    for index, (verb, method, path) in enumerate(routes):
        router.add_api_route(path, handlers[index], methods=[method], operation_id=f"{verb}_{name}")


for _actor in ("user", "group"):
    for _target in ("project", "domain"):
        _prefix = f"/{_target}s/{{target_id}}/{_actor}s/{{actor_id}}"
        _add_routes(Kind(_actor, _target, False), _prefix, "", f"{_actor}_grants_on_{_target}")
        _add_routes(
            Kind(_actor, _target, True), f"/OS-INHERIT{_prefix}", "/inherited_to_projects",
            f"{_actor}_inherited_grants_on_{_target}",
        )  # fmt: skip
    _add_routes(Kind(_actor, SYSTEM, False), f"/system/{_actor}s/{{actor_id}}", "", f"{_actor}_grants_on_system")
