"""`/v3/roles/{id}/implies` and `/v3/role_inferences`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api.common import Call, CallDep, get_row, not_found, once, v3_router
from services.identity.models import ImpliedRole, Role
from services.identity.wire import IS_HEAD
from services.platform.faults import Forbidden
from services.platform.http import json_body, no_content

router = v3_router()

#: Nobody becomes an administrator by implication.
NEVER_IMPLIED = frozenset({"admin"})


def _short(call: Call, role: Role) -> dict[str, Any]:
    return {"id": role.id, "name": role.name, "links": call.links(f"roles/{role.id}")}


def _rule(session: Session, prior_id: str, implied_id: str) -> ImpliedRole:
    get_row(session, Role, prior_id, "role")
    get_row(session, Role, implied_id, "role")
    row = session.get(ImpliedRole, (prior_id, implied_id))
    return row if row is not None else not_found("implied role", f"{prior_id} implies {implied_id}")


def _inferences(session: Session, prior_id: str | None = None) -> dict[str, tuple[Role, list[Role]]]:
    roles = {role.id: role for role in session.scalars(select(Role))}
    found: dict[str, tuple[Role, list[Role]]] = {}
    for rule in session.scalars(select(ImpliedRole)):
        if prior_id in (None, rule.prior_id) and rule.prior_id in roles and rule.implied_id in roles:
            found.setdefault(rule.prior_id, (roles[rule.prior_id], []))[1].append(roles[rule.implied_id])
    return found


def _body(call: Call, prior: Role, implied: Role) -> dict[str, Any]:
    return {
        "role_inference": {"prior_role": _short(call, prior), "implies": _short(call, implied)},
        "links": call.links(f"roles/{prior.id}/implies/{implied.id}"),
    }


@router.get("/role_inferences")
def list_all(call: CallDep) -> Response:
    call.require_reader("list_role_inference_rules")
    found = call.read(_inferences)
    items = [
        {"prior_role": _short(call, prior), "implies": [_short(call, role) for role in implied]}
        for prior, implied in found.values()
    ]
    return json_body(200, {"role_inferences": items, "links": call.links("role_inferences")})


@router.get("/roles/{prior_id}/implies")
def list_implied(prior_id: str, call: CallDep) -> Response:
    call.require_reader("list_implied_roles")
    prior = call.read(lambda session: get_row(session, Role, prior_id, "role"))
    _, implied = call.read(lambda session: _inferences(session, prior_id)).get(prior_id, (prior, []))
    inference = {"prior_role": _short(call, prior), "implies": [_short(call, role) for role in implied]}
    return json_body(200, {"role_inference": inference, "links": call.links(f"roles/{prior_id}/implies")})


@router.get("/roles/{prior_id}/implies/{implied_id}")
def show_implied(prior_id: str, implied_id: str, call: CallDep) -> Response:
    call.require_reader("get_implied_role")

    def find(session: Session) -> tuple[Role, Role]:
        _rule(session, prior_id, implied_id)
        return session.get_one(Role, prior_id), session.get_one(Role, implied_id)

    body = _body(call, *call.read(find))
    return no_content() if IS_HEAD in call.request.scope else json_body(200, body)


@router.put("/roles/{prior_id}/implies/{implied_id}")
def add_implied(prior_id: str, implied_id: str, call: CallDep) -> Response:
    call.require_admin("create_implied_role")

    def work(session: Session) -> tuple[Role, Role]:
        prior, implied = get_row(session, Role, prior_id, "role"), get_row(session, Role, implied_id, "role")
        widened = implied.domain_id != "" and prior.domain_id == ""
        if implied.name in NEVER_IMPLIED or prior_id == implied_id or widened:
            raise Forbidden(f"Role {implied.name} cannot be implied by role {prior.name}.")
        if session.get(ImpliedRole, (prior_id, implied_id)) is None:
            session.add(ImpliedRole(prior_id=prior_id, implied_id=implied_id))
        return prior, implied

    answer = json_body(201, _body(call, *call.write(work)))
    call.identity.reference.forget()
    return answer


@router.delete("/roles/{prior_id}/implies/{implied_id}")
def remove_implied(prior_id: str, implied_id: str, call: CallDep) -> Response:
    call.require_admin("delete_implied_role")
    once(call, lambda session: session.delete(_rule(session, prior_id, implied_id)))
    call.identity.reference.forget()
    return no_content()
