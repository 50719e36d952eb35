"""SSH keypairs of users. The private half of a generated pair is shown once and never stored."""

from __future__ import annotations

import base64
import hashlib
from typing import Annotated, Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509 import load_pem_x509_certificate
from fastapi import APIRouter, Request
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.body import Body, Name, since
from services.compute.api.links import own_url
from services.compute.api.parts import Parts
from services.compute.models import Keypair
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, Forbidden, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.pagination import Page, next_link
from services.platform.strict_json import StrictJsonRoute

router = APIRouter(route_class=StrictJsonRoute)


class NewKeypair(Body):
    name: Name
    public_key: Annotated[str | None, Field(min_length=1, max_length=65535)] = None
    type: Annotated[str, Field(pattern="^(ssh|x509)$")] = "ssh"
    user_id: Annotated[str | None, Field(min_length=1, max_length=64)] = None


class NewKeypairBody(Body):
    keypair: NewKeypair


def _md5(data: bytes) -> str:
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    return ":".join(digest[i : i + 2] for i in range(0, 32, 2))


def fingerprint(public_key: str, kind: str) -> str:
    """The fingerprint of a public key. Raises BadRequest where it is none."""
    try:
        if kind == "x509":
            der = load_pem_x509_certificate(public_key.encode()).public_bytes(serialization.Encoding.DER)
            digest = hashlib.sha1(der, usedforsecurity=False).hexdigest()
            return ":".join(digest[i : i + 2] for i in range(0, 40, 2))
        serialization.load_ssh_public_key(public_key.strip().encode())
        return _md5(base64.b64decode(public_key.split()[1]))
    except (ValueError, IndexError, UnsupportedAlgorithm, UnicodeError):
        raise BadRequest(f"Keypair data is invalid: failed to generate fingerprint of the {kind} key.") from None


def generate() -> tuple[str, str]:
    """A new pair: the private key (PEM) and the public one (OpenSSH)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return private.decode(), f"{public.decode()} Generated-by-Quorate"


def _view(pair: Keypair, version: Microversion) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": pair.name, "public_key": pair.public_key, "fingerprint": pair.fingerprint}
    if version.minor >= 2:
        shown["type"] = pair.type
    return shown


def _owner(context: Context, version: Microversion, user_id: str | None) -> str:
    if user_id is None or version.minor < 10 or user_id == context.user_id:
        return context.user_id
    if not context.is_admin:
        raise Forbidden("Policy doesn't allow to act on another user's keypairs.")
    return user_id


def _find(session: Session, user_id: str, name: str) -> Keypair:
    pair = session.scalar(select(Keypair).where(Keypair.user_id == user_id, Keypair.name == name))
    if pair is None:
        raise NotFound(f"Keypair {name} not found for user {user_id}")
    return pair


@router.get("/os-keypairs")
def list_keypairs(
    request: Request,
    context: Authenticated,
    parts: Parts,
    version: Version,
    user_id: str | None = None,
    limit: str | None = None,
    marker: str | None = None,
) -> Response:
    owner = _owner(context, version, user_id)
    page = Page.parse(limit, marker) if version.minor >= 35 else Page(1_000_000, None)

    def work(session: Session) -> list[Keypair]:
        chosen = select(Keypair).where(Keypair.user_id == owner)
        if page.marker is not None:
            chosen = chosen.where(Keypair.name > _find_marker(session, owner, page.marker).name)
        return list(session.scalars(chosen.order_by(Keypair.name).limit(page.limit + 1)))

    pairs, more = page.split(parts.transactor.read(work))
    body: dict[str, Any] = {"keypairs": [{"keypair": _view(pair, version)} for pair in pairs]}
    if more and pairs:
        body["keypairs_links"] = [
            {"rel": "next", "href": next_link(own_url(request), request.url.query, pairs[-1].name)}
        ]
    return json_body(200, body)


def _find_marker(session: Session, owner: str, marker: str) -> Keypair:
    try:
        return _find(session, owner, marker)
    except NotFound:
        raise BadRequest(f"Marker {marker} could not be found.") from None


@router.post("/os-keypairs")
def create_keypair(body: NewKeypairBody, context: Authenticated, parts: Parts, version: Version) -> Response:
    wanted = body.keypair
    since(version, {"type": 2, "user_id": 10}, wanted.model_fields_set)
    owner = _owner(context, version, wanted.user_id)
    if wanted.public_key is None and wanted.type == "x509":
        raise BadRequest("Give the certificate in public_key; generating x509 pairs is not supported.")
    private, public = (None, wanted.public_key) if wanted.public_key else generate()
    assert public is not None
    print_ = fingerprint(public, wanted.type)
    made_by = context.request.new_id("keypair")

    def work(session: Session) -> Keypair:
        pair = session.scalar(select(Keypair).where(Keypair.user_id == owner, Keypair.name == wanted.name))
        if pair is not None and pair.uuid != made_by:
            raise Conflict(f"Key pair '{wanted.name}' already exists.")
        if pair is None:
            pair = Keypair(uuid=made_by, user_id=owner, name=wanted.name, type=wanted.type)
            session.add(pair)
        # A repetition of this request generates another pair; the answer with the first one reached nobody.
        pair.fingerprint, pair.public_key = print_, public
        session.flush()
        return pair

    shown = _view(parts.transactor.write(work), version) | {"user_id": owner}
    if private is not None:
        shown["private_key"] = private
    return json_body(201 if version.minor >= 2 else 200, {"keypair": shown})


@router.get("/os-keypairs/{name}")
def show_keypair(
    name: str, context: Authenticated, parts: Parts, version: Version, user_id: str | None = None
) -> Response:
    owner = _owner(context, version, user_id)
    pair = parts.transactor.read(lambda session: _find(session, owner, name))
    shown = _view(pair, version) | {
        "user_id": pair.user_id,
        "id": pair.id,
        "created_at": pair.created_at.isoformat(timespec="microseconds"),
        "updated_at": None,
        "deleted_at": None,
        "deleted": False,
    }
    return json_body(200, {"keypair": shown})


@router.delete("/os-keypairs/{name}")
def delete_keypair(
    name: str, context: Authenticated, parts: Parts, version: Version, user_id: str | None = None
) -> Response:
    owner = _owner(context, version, user_id)
    parts.transactor.write(lambda session: session.delete(_find(session, owner, name)))
    return no_content(204 if version.minor >= 2 else 202)
