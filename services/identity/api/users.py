"""`/v3/users`."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity import policy
from services.identity.api.common import Call, CallDep, change, create, get_row, merged, once, refuse_move, v3_router
from services.identity.api.lists import answer_list, filtered
from services.identity.api.options import USER_OPTIONS, changed_options
from services.identity.api.user_models import ChangedUserBody, NewUserBody, render
from services.identity.models import Assignment, Domain, User
from services.identity.password_store import set_password
from services.platform.faults import NotFound
from services.platform.http import json_body, no_content

router = v3_router()

FILTERS = {"name": User.name, "enabled": User.enabled, "domain_id": User.domain_id}


def _conflict(name: str) -> str:
    return f"user - Duplicate entry found with name {name} in this domain."


def visible_user(call: Call, user_id: str, rule: str) -> User:
    """The user where the caller may see it. Raises Forbidden, or NotFound for those who could see it."""
    row = call.read(lambda session: session.get(User, user_id))
    call.require(policy.own_or_reads(call.access, user_id, row.domain_id if row else None), rule)
    if row is None:
        raise NotFound(f"Could not find user: {user_id}.")
    return row


@router.post("/users")
def create_user(body: NewUserBody, call: CallDep) -> Response:
    call.require_admin("create_user")
    new, key = body.user, call.new_id("user")
    stored = None if new.password is None else call.identity.passwords.hash(new.password)
    domain_id = new.domain_id or call.usual_domain()
    options = changed_options({}, new.options, USER_OPTIONS)

    def build(session: Session) -> User:
        get_row(session, Domain, domain_id, "domain")
        user = User(
            id=key, domain_id=domain_id, name=new.name, enabled=new.enabled, token_epoch=0,
            default_project_id=new.default_project_id, options=options, extra=new.extras,
        )  # fmt: skip
        session.add(user)
        session.flush()
        if stored is not None:
            set_password(session, user, stored, 0)
        return user

    return json_body(201, {"user": render(call, create(call, User, key, build, _conflict(new.name)))})


@router.get("/users")
def list_users(call: CallDep) -> Response:
    statement = filtered(call, select(User), FILTERS)
    if not policy.reads_everything(call.access):
        call.require_reader("list_users", call.access.domain_id)
        statement = statement.where(User.domain_id == call.access.domain_id)
    return answer_list(call, "users", statement, User.id, lambda row: render(call, row))


@router.get("/users/{user_id}")
def show_user(user_id: str, call: CallDep) -> Response:
    return json_body(200, {"user": render(call, visible_user(call, user_id, "get_user"))})


@router.patch("/users/{user_id}")
def update_user(user_id: str, body: ChangedUserBody, call: CallDep) -> Response:
    """Ends the user's tokens where it disables the user or sets a password."""
    call.require_admin("update_user")
    new = body.user
    stored = None if new.password is None else call.identity.passwords.hash(new.password)

    def work(session: Session) -> User:
        row = get_row(session, User, user_id, "user")
        refuse_move(new.given, "domain_id", row.domain_id, "Domain ID")
        row.name = row.name if new.name is None else new.name
        if new.enabled is not None:
            row.token_epoch += row.enabled and not new.enabled
            row.enabled = new.enabled
        if "default_project_id" in new.given:
            row.default_project_id = new.default_project_id
        if stored is not None:
            set_password(session, row, stored, call.identity.settings.password_history)
        row.options = changed_options(row.options, new.options, USER_OPTIONS)
        row.extra = merged(row.extra, new.extras)
        return row

    return json_body(200, {"user": render(call, change(call, work, _conflict(new.name or "")))})


@router.delete("/users/{user_id}")
def delete_user(user_id: str, call: CallDep) -> Response:
    call.require_admin("delete_user")

    def work(session: Session) -> None:
        row = get_row(session, User, user_id, "user")
        session.execute(delete(Assignment).where(Assignment.actor_id == user_id))
        session.delete(row)

    once(call, work)
    return no_content()
