"""`/v3/auth`: tokens, and what a token's bearer can reach."""

from __future__ import annotations

from typing import TypeVar

from anyio.to_thread import run_sync
from fastapi import Request
from starlette.responses import Response

from services.identity import policy
from services.identity.api.auth_models import AuthBody, IdentityPart, ScopePart
from services.identity.api.common import CallDep, IdentityDep, v3_router
from services.identity.catalog import render as render_catalog
from services.identity.login import Proof, Wanted, by_application_credential, by_password, by_token, log_in
from services.identity.people import Named
from services.identity.repetition import was_done
from services.identity.state import Identity
from services.identity.token_body import token_body
from services.identity.tokens import Bearer, ValidToken
from services.platform.authentication import Keyed
from services.platform.faults import BadRequest, Forbidden, NotFound, Unauthorized
from services.platform.http import json_body, no_content

T = TypeVar("T")

router = v3_router()


def _proofs(identity: Identity, part: IdentityPart) -> list[Proof]:
    proofs: list[Proof] = []
    for method in dict.fromkeys(part.methods):
        if method == "password":
            user = _present(part.password, method).user
            proofs.append(by_password(identity, user.named(), user.password))
        elif method == "token":
            proofs.append(by_token(identity, _present(part.token, method).id))
        elif method == "application_credential":
            given = _present(part.application_credential, method)
            owner = given.user.named() if given.user else None
            what = Named(id=given.id, name=given.name)
            proofs.append(by_application_credential(identity, what, owner, given.secret))
        else:
            raise Unauthorized
    return proofs


def _present(value: T | None, method: str) -> T:
    if value is None:
        raise BadRequest(f"Expecting to find {method} in identity. The server could not comply with the request.")
    return value


def _wanted(scope: ScopePart | str | None) -> Wanted:
    if scope is None:
        return Wanted(None)
    if isinstance(scope, str) or scope.unscoped is not None:
        return Wanted("none")
    if scope.trust is not None:
        raise Forbidden("Trusts are not served here; an application credential does the same.")
    asked = [name for name in ("project", "domain", "system") if getattr(scope, name) is not None]
    if len(asked) > 1:
        raise BadRequest("A token has one scope: project, domain or system.")
    if scope.project is not None:
        return Wanted("project", scope.project.named())
    if scope.domain is not None:
        return Wanted("domain", scope.domain.named())
    if scope.system is not None and scope.system.all:
        return Wanted("system")
    return Wanted(None)


def _answer(identity: Identity, request: Request, status: int, token: str, valid: ValidToken) -> Response:
    catalog = None
    if "nocatalog" not in request.query_params and valid.facts.scope is not None:
        project_id = valid.facts.scope.id if valid.payload.scope == "project" else None
        catalog = render_catalog(identity.reference.get().catalog, user_id=valid.facts.user.id, project_id=project_id)
    return json_body(status, token_body(valid, catalog), {"X-Subject-Token": token})


@router.post("/auth/tokens")
async def issue_token(body: AuthBody, request: Request, identity: IdentityDep) -> Response:
    def issue() -> Response:
        proofs = _proofs(identity, body.auth.identity)
        token, valid = log_in(identity, proofs, _wanted(body.auth.scope))
        return _answer(identity, request, 201, token, valid)

    return await run_sync(issue, limiter=identity.login_turns)


def _subject(request: Request) -> str:
    subject = request.headers.get("x-subject-token")
    if not subject:
        raise BadRequest("Expecting to find X-Subject-Token in the request's headers.")
    return subject


def _caller(identity: Identity, request: Request) -> Bearer:
    token = request.headers.get("x-auth-token")
    if not token:
        raise Unauthorized
    return identity.tokens.validate(token)


@router.get("/auth/tokens")
def validate_token(request: Request, identity: IdentityDep) -> Response:
    """A token may validate itself: then it is looked up once."""
    if not (token := request.headers.get("x-auth-token")):
        raise Unauthorized
    subject = _subject(request)
    if subject == token:
        try:
            return _answer(identity, request, 200, subject, identity.tokens.find(subject))
        except NotFound:
            raise Unauthorized from None
    caller = _caller(identity, request)
    allow_expired = request.query_params.get("allow_expired", "0").lower() in ("1", "true", "yes")
    valid = identity.tokens.find(subject, allow_expired=allow_expired and bool(policy.VALIDATORS & caller.roles))
    if not (policy.VALIDATORS & caller.roles or policy.reads_everything(caller)) and (
        valid.facts.user.id != caller.user_id
    ):
        raise Forbidden("You are not authorized to perform the requested action: identity:validate_token.")
    return _answer(identity, request, 200, subject, valid)


@router.delete("/auth/tokens")
def revoke_token(request: Request, identity: IdentityDep, key: Keyed) -> Response:
    if identity.transactor.read(lambda session: was_done(session, key)):
        return no_content()
    caller = _caller(identity, request)
    valid = identity.tokens.find(_subject(request))
    if not policy.is_admin(caller) and valid.facts.user.id != caller.user_id:
        raise Forbidden("You are not authorized to perform the requested action: identity:revoke_token.")
    identity.tokens.revoke(valid.payload, key)
    return no_content()


@router.get("/auth/catalog")
def show_catalog(call: CallDep) -> Response:
    access = call.access
    if access.project_id is None and access.domain_id is None and not access.system:
        raise Forbidden("An unscoped token has no catalog.")
    entries = call.identity.reference.get().catalog
    catalog = render_catalog(entries, user_id=access.user_id, project_id=access.project_id)
    return json_body(200, {"catalog": catalog, "links": {"self": call.url("auth/catalog")}})
