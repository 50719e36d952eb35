"""What the routers share: the call at hand, who may make it, bodies, and writes that may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NoReturn, TypeVar

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session

from services.identity import policy
from services.identity.repetition import mark_done, was_done
from services.identity.state import Identity
from services.identity.tokens import Bearer
from services.platform.authentication import authenticate
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, Forbidden, NotFound
from services.platform.http import base_url
from services.platform.strict_json import StrictJsonRoute

T = TypeVar("T")
R = TypeVar("R", bound=DeclarativeBase)


def v3_router() -> APIRouter:
    return APIRouter(prefix="/v3", route_class=StrictJsonRoute)


class Body(BaseModel):
    """Part of a request's body: exact types; what is not declared is kept, as Keystone does (`extra`)."""

    model_config = ConfigDict(strict=True, extra="allow")

    @property
    def given(self) -> dict[str, Any]:
        """The declared fields that the client sent."""
        return {name: getattr(self, name) for name in type(self).model_fields if name in self.model_fields_set}

    @property
    def extras(self) -> dict[str, Any]:
        return {name: value for name, value in (self.model_extra or {}).items() if name not in ("id", "links")}


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request to one replica."""

    context: Context
    identity: Identity
    request: Request

    @property
    def access(self) -> Bearer:
        access = self.context.access
        assert isinstance(access, Bearer)
        return access

    def url(self, path: str) -> str:
        return f"{base_url(self.request)}/v3/{path}"

    def links(self, path: str) -> dict[str, str]:
        return {"self": self.url(path)}

    def query(self, name: str) -> str | None:
        return self.request.query_params.get(name)

    def read(self, work: Callable[[Session], T]) -> T:
        return self.identity.transactor.read(work)

    def write(self, work: Callable[[Session], T]) -> T:
        """Run `work`; once more where a row that it adds was added by another request at the same moment."""
        try:
            return self.identity.transactor.write(work)
        except IntegrityError:
            pass
        try:
            return self.identity.transactor.write(work)
        except IntegrityError:
            raise Conflict("Something that this request refers to has just changed. Retry.") from None

    def new_id(self, kind: str) -> str:
        return self.context.request.new_hex(kind)

    def require(self, allowed: bool, rule: str) -> None:
        """Raises Forbidden, naming the rule as Keystone does."""
        if not allowed:
            raise Forbidden(f"You are not authorized to perform the requested action: identity:{rule}.")

    def require_admin(self, rule: str) -> None:
        self.require(policy.is_admin(self.access), rule)

    def require_reader(self, rule: str, domain_id: str | None = None) -> None:
        self.require(policy.reads_domain(self.access, domain_id), rule)

    def usual_domain(self) -> str:
        """The domain of what is created without naming one."""
        return self.access.domain_id or "default"


async def _call(request: Request) -> Call:
    return Call(await authenticate(request), request.app.state.identity, request)


CallDep = Annotated[Call, Depends(_call)]


async def _identity(request: Request) -> Identity:
    identity: Identity = request.app.state.identity
    return identity


IdentityDep = Annotated[Identity, Depends(_identity)]


def not_found(kind: str, key: str) -> NoReturn:
    raise NotFound(f"Could not find {kind}: {key}.")


def get_row(session: Session, model: type[R], key: str, kind: str) -> R:
    """Raises NotFound in Keystone's words."""
    row = session.get(model, key)
    if row is None:
        not_found(kind, key)
    return row


def create(call: Call, model: type[R], key: str, build: Callable[[Session], R], conflict: str) -> R:
    """Store what `build` makes, unless an earlier run of the same request did; either way, return it.

    Raises Conflict with the message `conflict` where something else has its name already.
    """

    def store(session: Session) -> R:
        found = session.get(model, key)
        if found is not None:
            return found
        row = build(session)
        session.add(row)
        session.flush()
        return row

    try:
        return call.identity.transactor.write(store)
    except IntegrityError:
        found = call.read(lambda session: session.get(model, key))
        if found is None:
            raise Conflict(f"Conflict occurred attempting to store {conflict}") from None
        return found


def change(call: Call, work: Callable[[Session], T], conflict: str) -> T:
    """Run `work`, which changes a row. Raises Conflict where its new name is taken."""
    try:
        return call.identity.transactor.write(work)
    except IntegrityError:
        raise Conflict(f"Conflict occurred attempting to store {conflict}") from None


def once(call: Call, work: Callable[[Session], None]) -> None:
    """Run `work`, which cannot be done twice (a deletion), unless an earlier run of the same request did it."""
    key = call.context.request

    def store(session: Session) -> None:
        if was_done(session, key):
            return
        try:
            work(session)
        except NotFound:
            # The other run may have done it between the two looks.
            if was_done(session, key):
                return
            raise
        mark_done(session, key)

    call.write(store)


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """Attributes after a change: what is not mentioned stays."""
    return {**old, **new}


def refuse_move(given: dict[str, Any], name: str, now: object, shown: str) -> None:
    """Raises BadRequest where a change would alter an attribute that never changes."""
    if name in given and given[name] != now:
        raise BadRequest(f"Cannot change {shown}.")
