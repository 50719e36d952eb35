"""Users as bodies and as answers."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from services.identity.api.common import Body, Call
from services.identity.api.options import IdText, LongName, Options
from services.identity.models import User

PasswordText = Annotated[str, Field(max_length=4096)]


class NewUser(Body):
    name: LongName
    domain_id: IdText | None = None
    password: PasswordText | None = None
    default_project_id: IdText | None = None
    enabled: bool = True
    options: Options = {}


class NewUserBody(Body):
    user: NewUser


class ChangedUser(Body):
    name: LongName | None = None
    domain_id: str | None = None
    password: PasswordText | None = None
    default_project_id: IdText | None = None
    enabled: bool | None = None
    options: Options = {}


class ChangedUserBody(Body):
    user: ChangedUser


class NewPassword(Body):
    password: PasswordText
    original_password: PasswordText


class NewPasswordBody(Body):
    user: NewPassword


def render(call: Call, row: User) -> dict[str, Any]:
    body = {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id,
        "enabled": row.enabled,
        "password_expires_at": None,
        "options": row.options,
        "links": call.links(f"users/{row.id}"),
    }
    if row.default_project_id is not None:
        body["default_project_id"] = row.default_project_id
    return body
