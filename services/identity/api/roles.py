"""`/v3/roles`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api.common import Body, Call, CallDep, change, create, get_row, merged, once, v3_router
from services.identity.api.lists import answer_list, filtered
from services.identity.api.options import (
    RESOURCE_OPTIONS,
    IdText,
    LongName,
    Options,
    changed_options,
    refuse_immutable,
)
from services.identity.models import Domain, Role
from services.platform.http import json_body, no_content

router = v3_router()


class NewRole(Body):
    name: LongName
    domain_id: IdText | None = None
    description: str | None = None
    options: Options = {}


class NewRoleBody(Body):
    role: NewRole


class ChangedRole(Body):
    name: LongName | None = None
    description: str | None = None
    options: Options = {}


class ChangedRoleBody(Body):
    role: ChangedRole


def render(call: Call, row: Role) -> dict[str, Any]:
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id or None,
        "description": row.description,
        "options": row.options,
        "links": call.links(f"roles/{row.id}"),
    }


def _conflict(name: str) -> str:
    return f"role - Duplicate entry found with name {name}."


@router.post("/roles")
def create_role(body: NewRoleBody, call: CallDep) -> Response:
    call.require_admin("create_role")
    new, key = body.role, call.new_id("role")
    options = changed_options({}, new.options, RESOURCE_OPTIONS)

    def build(session: Session) -> Role:
        if new.domain_id is not None:
            get_row(session, Domain, new.domain_id, "domain")
        return Role(
            id=key, domain_id=new.domain_id or "", name=new.name, description=new.description,
            options=options, extra=new.extras,
        )  # fmt: skip

    return json_body(201, {"role": render(call, create(call, Role, key, build, _conflict(new.name)))})


@router.get("/roles")
def list_roles(call: CallDep) -> Response:
    """The roles of all domains, or those of one."""
    call.require_reader("list_roles")
    statement = filtered(call, select(Role), {"name": Role.name})
    statement = statement.where(Role.domain_id == (call.query("domain_id") or ""))
    return answer_list(call, "roles", statement, Role.id, lambda row: render(call, row))


@router.get("/roles/{role_id}")
def show_role(role_id: str, call: CallDep) -> Response:
    call.require_reader("get_role")
    row = call.read(lambda session: get_row(session, Role, role_id, "role"))
    return json_body(200, {"role": render(call, row)})


@router.patch("/roles/{role_id}")
def update_role(role_id: str, body: ChangedRoleBody, call: CallDep) -> Response:
    call.require_admin("update_role")
    new = body.role

    def work(session: Session) -> Role:
        row = get_row(session, Role, role_id, "role")
        refuse_immutable(row.options, "role", role_id, new.options)
        row.name = row.name if new.name is None else new.name
        if "description" in new.given:
            row.description = new.description
        row.options = changed_options(row.options, new.options, RESOURCE_OPTIONS)
        row.extra = merged(row.extra, new.extras)
        return row

    answer = json_body(200, {"role": render(call, change(call, work, _conflict(new.name or "")))})
    call.identity.reference.forget()
    return answer


@router.delete("/roles/{role_id}")
def delete_role(role_id: str, call: CallDep) -> Response:
    """Takes its assignments with it."""
    call.require_admin("delete_role")

    def work(session: Session) -> None:
        row = get_row(session, Role, role_id, "role")
        refuse_immutable(row.options, "role", role_id)
        session.delete(row)

    once(call, work)
    call.identity.reference.forget()
    return no_content()
