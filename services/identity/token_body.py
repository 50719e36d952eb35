"""A token as the API shows it."""

from __future__ import annotations

from typing import Any

from services.identity.token_facts import Place
from services.identity.tokens import ValidToken
from services.platform.times import from_epoch, zulu_micro


def token_body(token: ValidToken, catalog: list[dict[str, Any]] | None) -> dict[str, Any]:
    """`catalog` is None where none was asked for; a token without scope has none, and no roles."""
    payload, facts = token.payload, token.facts
    body: dict[str, Any] = {
        "methods": list(payload.methods),
        "user": {**_with_domain(facts.user), "password_expires_at": None},
        "audit_ids": list(payload.audit_ids),
        "expires_at": zulu_micro(from_epoch(payload.expires_at / 1_000_000)),
        "issued_at": zulu_micro(from_epoch(payload.issued_at / 1_000_000)),
    }
    if facts.scope is not None:
        if payload.scope == "project":
            body["project"] = _with_domain(facts.scope)
            body["is_domain"] = False
        elif payload.scope == "domain":
            body["domain"] = {"id": facts.scope.id, "name": facts.scope.name}
        else:
            body["system"] = {"all": True}
        body["roles"] = [{"id": role.id, "name": role.name} for role in token.roles]
        if catalog is not None:
            body["catalog"] = catalog
    if facts.credential is not None:
        body["application_credential"] = {
            "id": facts.credential.id,
            "name": facts.credential.name,
            "restricted": not facts.credential.unrestricted,
        }
    return {"token": body}


def _with_domain(place: Place) -> dict[str, Any]:
    return {"id": place.id, "name": place.name, "domain": {"id": place.domain_id, "name": place.domain_name}}
