"""`/v3/users/{id}/application_credentials`: a secret for a program, with part of its owner's roles on one project."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity.api.common import Body, Call, CallDep, create, get_row, not_found, once, v3_router
from services.identity.api.lists import answer_list, filtered
from services.identity.api.options import LongName
from services.identity.api.users import visible_user
from services.identity.models import ApplicationCredential, ApplicationCredentialRole, Role
from services.identity.role_rules import with_implied
from services.identity.token_facts import assigned_role_ids
from services.platform.faults import BadRequest, Forbidden
from services.platform.http import json_body, no_content
from services.platform.times import parse_time, utcnow

router = v3_router()


class RoleRef(Body):
    id: str | None = None
    name: str | None = None


class NewCredential(Body):
    name: LongName
    description: str | None = None
    secret: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    expires_at: str | None = None
    roles: list[RoleRef] | None = None
    unrestricted: bool | None = None
    access_rules: list[dict[str, Any]] | None = None


class NewCredentialBody(Body):
    application_credential: NewCredential


def _path(row: ApplicationCredential) -> str:
    return f"users/{row.user_id}/application_credentials/{row.id}"


def render(call: Call, row: ApplicationCredential, roles: list[Role]) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "user_id": row.user_id,
        "project_id": row.project_id,
        "system": None,
        "unrestricted": row.unrestricted,
        "expires_at": row.expires_at.isoformat(timespec="microseconds") if row.expires_at else None,
        "roles": [{"id": role.id, "name": role.name, "domain_id": role.domain_id or None} for role in roles],
        "links": call.links(_path(row)),
    }


def _roles_of(session: Session, credential_id: str) -> list[Role]:
    held = select(ApplicationCredentialRole.role_id).where(
        ApplicationCredentialRole.application_credential_id == credential_id
    )
    return list(session.scalars(select(Role).where(Role.id.in_(held)).order_by(Role.name)))


def _own_only(call: Call, user_id: str, rule: str) -> None:
    """Raises Forbidden for other people, and for tokens of restricted credentials."""
    call.require(call.access.user_id == user_id, rule)
    if call.access.restricted:
        raise Forbidden("This token comes from an application credential that may not manage application credentials.")


def _end(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = parse_time(text)
    except (ValueError, OverflowError):
        raise BadRequest(f"Invalid input for field/attribute expires_at. Value: {text[:80]!r}.") from None
    if moment <= utcnow():
        raise BadRequest("An application credential cannot expire in the past.")
    return moment


def _chosen(call: Call, session: Session, asked: list[RoleRef] | None, user_id: str, project_id: str) -> set[str]:
    """The ids of the roles asked for. Raises BadRequest where the user does not have them all, NotFound for others."""
    assigned = assigned_role_ids(session, user_id, project_id)
    held = with_implied(assigned, call.identity.reference.get(assigned).implied)
    names = {role.name: role.id for role in session.scalars(select(Role).where(Role.id.in_(held)))}
    if call.access.application_credential_id:
        # What came of a credential gives no more than that credential does.
        held = {names[name] for name in call.access.roles if name in names}
    if not asked:
        return {names[name] for name in call.access.roles if name in names}
    chosen = set()
    for ref in asked:
        role_id = ref.id if ref.id is not None else names.get(ref.name or "")
        if (
            role_id is None
            and session.scalar(select(Role.id).where(Role.name == ref.name, Role.domain_id == "")) is None
        ):
            not_found("role", ref.name or "")
        if role_id not in held or role_id is None:
            raise BadRequest(
                "Invalid application credential: Could not find role assignment for the user on the project."
            )
        chosen.add(role_id)
    return chosen


@router.post("/users/{user_id}/application_credentials")
def create_application_credential(user_id: str, body: NewCredentialBody, call: CallDep) -> Response:
    new, key = body.application_credential, call.new_id("application_credential")
    _own_only(call, user_id, "create_application_credential")
    project_id = call.context.project_id
    if new.access_rules:
        raise BadRequest("Access rules are not enforced by the services of this cloud, so none are accepted.")
    expires_at = _end(new.expires_at)
    secret = new.secret or secrets.token_urlsafe(64)
    stored = call.identity.passwords.hash(secret)

    def build(session: Session) -> ApplicationCredential:
        chosen = _chosen(call, session, new.roles, user_id, project_id)
        row = ApplicationCredential(
            id=key, user_id=user_id, project_id=project_id, name=new.name, description=new.description,
            secret_hash=stored, unrestricted=bool(new.unrestricted), expires_at=expires_at,
        )  # fmt: skip
        session.add(row)
        session.flush()
        session.add_all(ApplicationCredentialRole(application_credential_id=key, role_id=role_id) for role_id in chosen)
        return row

    conflict = f"application_credential - Duplicate entry found with name {new.name}."
    row = create(call, ApplicationCredential, key, build, conflict)
    if row.secret_hash != stored:
        # An earlier run of this request made it, and its answer with the secret was lost.
        call.write(lambda session: _set_secret(session, user_id, key, stored))
    roles = call.read(lambda session: _roles_of(session, key))
    return json_body(201, {"application_credential": {**render(call, row, roles), "secret": secret}})


@router.get("/users/{user_id}/application_credentials")
def list_application_credentials(user_id: str, call: CallDep) -> Response:
    visible_user(call, user_id, "list_application_credentials")
    statement = filtered(
        call,
        select(ApplicationCredential).where(ApplicationCredential.user_id == user_id),
        {"name": ApplicationCredential.name},
    )
    return answer_list(
        call,
        f"users/{user_id}/application_credentials",
        statement,
        ApplicationCredential.id,
        lambda row: render(call, row, call.read(lambda session: _roles_of(session, row.id))),
    )


def _set_secret(session: Session, user_id: str, key: str, stored: str) -> None:
    _find(session, user_id, key).secret_hash = stored


def _find(session: Session, user_id: str, key: str) -> ApplicationCredential:
    row = get_row(session, ApplicationCredential, key, "application credential")
    return row if row.user_id == user_id else not_found("application credential", key)


@router.get("/users/{user_id}/application_credentials/{key}")
def show_application_credential(user_id: str, key: str, call: CallDep) -> Response:
    visible_user(call, user_id, "get_application_credential")

    def find(session: Session) -> tuple[ApplicationCredential, list[Role]]:
        return _find(session, user_id, key), _roles_of(session, key)

    return json_body(200, {"application_credential": render(call, *call.read(find))})


@router.delete("/users/{user_id}/application_credentials/{key}")
def delete_application_credential(user_id: str, key: str, call: CallDep) -> Response:
    if "admin" not in call.access.roles or call.access.user_id == user_id:
        _own_only(call, user_id, "delete_application_credential")
    once(call, lambda session: session.delete(_find(session, user_id, key)))
    return no_content()


@router.get("/users/{user_id}/access_rules")
def list_access_rules(user_id: str, call: CallDep) -> Response:
    """None: see `create_application_credential`."""
    visible_user(call, user_id, "list_access_rules")
    return json_body(200, {"access_rules": [], "links": call.links(f"users/{user_id}/access_rules")})
