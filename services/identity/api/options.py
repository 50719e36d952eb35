"""Resource options, and attributes that several resources check alike."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from services.platform.faults import BadRequest, Forbidden

#: Domains, projects and groups.
ShortName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"\S")]
#: Users, roles and services.
LongName = Annotated[str, Field(min_length=1, max_length=255, pattern=r"\S")]
IdText = Annotated[str, Field(min_length=1, max_length=64)]
#: An id that a client chooses.
PlainId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]+$")]
Tag = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^,/]*$")]
Tags = Annotated[list[Tag], Field(max_length=80)]
Options = dict[str, Any]

USER_OPTIONS = frozenset({
    "ignore_change_password_upon_first_use", "ignore_lockout_failure_attempts", "ignore_password_expiry",
    "ignore_user_inactivity", "lock_password",
})  # fmt: skip
RESOURCE_OPTIONS = frozenset({"immutable"})


def changed_options(old: Options, new: Options, known: frozenset[str]) -> Options:
    """Options after a change: null takes one away. Raises BadRequest for unknown ones and other types than boolean."""
    for name, value in new.items():
        if name not in known:
            raise BadRequest(f"Additional properties are not allowed ('{name}' was unexpected).")
        if not isinstance(value, bool | None):
            raise BadRequest(f"Invalid input for field/attribute {name}. Value: {value!r}. It must be a boolean.")
    return {name: value for name, value in {**old, **new}.items() if value is not None}


def refuse_immutable(options: Options, kind: str, key: str, new: Options | None = None) -> None:
    """Raises Forbidden where the resource is immutable, unless the change `new` takes just that away."""
    if options.get("immutable") and not (new is not None and new.get("immutable", True) in (None, False)):
        raise Forbidden(f"Could not change or delete {kind} {key}: it is immutable (options.immutable).")
