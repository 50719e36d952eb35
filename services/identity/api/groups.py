"""`/v3/groups`, and who is in them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity import policy
from services.identity.api import user_models
from services.identity.api.common import (
    Body,
    Call,
    CallDep,
    change,
    create,
    get_row,
    merged,
    not_found,
    once,
    refuse_move,
    v3_router,
)
from services.identity.api.lists import answer_list, filtered
from services.identity.api.options import IdText, ShortName
from services.identity.api.users import FILTERS as USER_FILTERS
from services.identity.api.users import visible_user
from services.identity.models import Assignment, Domain, Group, Membership, User
from services.platform.http import json_body, no_content

router = v3_router()

FILTERS = {"name": Group.name, "domain_id": Group.domain_id}


class NewGroup(Body):
    name: ShortName
    domain_id: IdText | None = None
    description: str | None = None


class NewGroupBody(Body):
    group: NewGroup


class ChangedGroup(Body):
    name: ShortName | None = None
    domain_id: str | None = None
    description: str | None = None


class ChangedGroupBody(Body):
    group: ChangedGroup


def render(call: Call, row: Group) -> dict[str, Any]:
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id,
        "description": row.description,
        "links": call.links(f"groups/{row.id}"),
    }


def _conflict(name: str) -> str:
    return f"group - Duplicate entry found with name {name} in this domain."


@router.post("/groups")
def create_group(body: NewGroupBody, call: CallDep) -> Response:
    call.require_admin("create_group")
    new, key = body.group, call.new_id("group")
    domain_id = new.domain_id or call.usual_domain()

    def build(session: Session) -> Group:
        get_row(session, Domain, domain_id, "domain")
        description = new.description or ""
        return Group(id=key, domain_id=domain_id, name=new.name, description=description, extra=new.extras)

    return json_body(201, {"group": render(call, create(call, Group, key, build, _conflict(new.name)))})


@router.get("/groups")
def list_groups(call: CallDep) -> Response:
    statement = filtered(call, select(Group), FILTERS)
    if not policy.reads_everything(call.access):
        call.require_reader("list_groups", call.access.domain_id)
        statement = statement.where(Group.domain_id == call.access.domain_id)
    return answer_list(call, "groups", statement, Group.id, lambda row: render(call, row))


def _readable(call: Call, group_id: str, rule: str) -> Group:
    row = call.read(lambda session: session.get(Group, group_id))
    call.require_reader(rule, row.domain_id if row else None)
    return row if row is not None else not_found("group", group_id)


@router.get("/groups/{group_id}")
def show_group(group_id: str, call: CallDep) -> Response:
    return json_body(200, {"group": render(call, _readable(call, group_id, "get_group"))})


@router.patch("/groups/{group_id}")
def update_group(group_id: str, body: ChangedGroupBody, call: CallDep) -> Response:
    call.require_admin("update_group")
    new = body.group

    def work(session: Session) -> Group:
        row = get_row(session, Group, group_id, "group")
        refuse_move(new.given, "domain_id", row.domain_id, "Domain ID")
        row.name = row.name if new.name is None else new.name
        if "description" in new.given:
            row.description = new.description or ""
        row.extra = merged(row.extra, new.extras)
        return row

    return json_body(200, {"group": render(call, change(call, work, _conflict(new.name or "")))})


@router.delete("/groups/{group_id}")
def delete_group(group_id: str, call: CallDep) -> Response:
    call.require_admin("delete_group")

    def work(session: Session) -> None:
        row = get_row(session, Group, group_id, "group")
        session.execute(delete(Assignment).where(Assignment.actor_id == group_id))
        session.delete(row)

    once(call, work)
    return no_content()


@router.get("/groups/{group_id}/users")
def list_members(group_id: str, call: CallDep) -> Response:
    _readable(call, group_id, "list_users_in_group")
    members = select(Membership.user_id).where(Membership.group_id == group_id)
    statement = filtered(call, select(User).where(User.id.in_(members)), USER_FILTERS)
    return answer_list(call, f"groups/{group_id}/users", statement, User.id, lambda row: user_models.render(call, row))


@router.get("/users/{user_id}/groups")
def list_groups_of(user_id: str, call: CallDep) -> Response:
    visible_user(call, user_id, "list_groups_for_user")
    mine = select(Membership.group_id).where(Membership.user_id == user_id)
    statement = filtered(call, select(Group).where(Group.id.in_(mine)), FILTERS)
    return answer_list(call, f"users/{user_id}/groups", statement, Group.id, lambda row: render(call, row))


@router.get("/groups/{group_id}/users/{user_id}")
def check_member(group_id: str, user_id: str, call: CallDep) -> Response:
    _readable(call, group_id, "check_user_in_group")

    def find(session: Session) -> None:
        get_row(session, User, user_id, "user")
        if session.get(Membership, (user_id, group_id)) is None:
            not_found(f"user {user_id} in group", group_id)

    call.read(find)
    return no_content()


@router.put("/groups/{group_id}/users/{user_id}")
def add_member(group_id: str, user_id: str, call: CallDep) -> Response:
    call.require_admin("add_user_to_group")

    def work(session: Session) -> None:
        get_row(session, Group, group_id, "group")
        get_row(session, User, user_id, "user")
        if session.get(Membership, (user_id, group_id)) is None:
            session.add(Membership(user_id=user_id, group_id=group_id))

    call.write(work)
    return no_content()


@router.delete("/groups/{group_id}/users/{user_id}")
def remove_member(group_id: str, user_id: str, call: CallDep) -> Response:
    call.require_admin("remove_user_from_group")

    def work(session: Session) -> None:
        get_row(session, Group, group_id, "group")
        get_row(session, User, user_id, "user")
        row = session.get(Membership, (user_id, group_id))
        if row is None:
            not_found(f"user {user_id} in group", group_id)
        session.delete(row)

    once(call, work)
    return no_content()
