"""Transfers: offering a volume to whoever has the key, under the older and (from 3.55 on) the newer address."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume import quotas
from services.volume.api import listing
from services.volume.api.body import Body, Flag, Label, Uuid, since
from services.volume.api.links import collection_links, resource_links
from services.volume.api.listing import Listing
from services.volume.api.parts import ApiParts, Parts
from services.volume.api.volume_queries import find_volume
from services.volume.api.volume_views import moment
from services.volume.models import Snapshot, Transfer, Volume, VolumeType
from services.volume.rows import change_volume, snapshots_of
from services.volume.states import IllegalTransition, SnapshotStatus, TransferStatus, transfer_after

_SORT_COLUMNS: listing.Columns = {"created_at": Transfer.number, "id": Transfer.id, "name": Transfer.name}
_KEY_LENGTH = 16


async def _known(request: Request, version: Version) -> None:
    if "volume-transfers" in request.url.path.split("/") and version.minor < 55:
        raise NotFound("The resource could not be found.")


router = APIRouter(route_class=StrictJsonRoute, dependencies=[Depends(_known)])


class NewTransfer(Body):
    volume_id: Uuid
    name: Label | None = None
    no_snapshots: Flag = False


class NewTransferBody(Body):
    transfer: NewTransfer


class Accept(Body):
    auth_key: str | int


class AcceptBody(Body):
    accept: Accept


def _brief(request: Request, row: Transfer) -> dict[str, Any]:
    links = resource_links(request, "os-volume-transfer", row.id)
    return {"id": row.id, "volume_id": row.volume_id, "name": row.name, "links": links}


def _detail(request: Request, row: Transfer, version: Microversion) -> dict[str, Any]:
    shown = _brief(request, row) | {"created_at": moment(row.created_at)}
    if version.minor >= 55:
        shown["no_snapshots"] = row.no_snapshots
    if version.minor >= 57:
        shown |= {
            "source_project_id": row.source_project_id,
            "destination_project_id": row.destination_project_id,
            "accepted": row.status == TransferStatus.ACCEPTED,
        }
    return shown


def _find(session: Session, transfer_id: str, context: Context, *, anybody: bool = False) -> Transfer:
    """An offer that is open; `anybody`: also one of another project, for whoever may have its key."""
    row = session.get(Transfer, transfer_id) if len(transfer_id) <= 36 else None
    if row is None or row.status != TransferStatus.OFFERED:
        raise NotFound(f"Transfer {transfer_id} could not be found.")
    if not anybody and not context.sees_project(row.source_project_id):
        raise NotFound(f"Transfer {transfer_id} could not be found.")
    return row


def _chosen(query: Mapping[str, str], context: Context) -> Select[Transfer]:
    chosen = select(Transfer).where(Transfer.status == TransferStatus.OFFERED)
    if not listing.everyone(query, context):
        chosen = chosen.where(Transfer.source_project_id == context.project_id)
    for key, column in (("name", Transfer.name), ("volume_id", Transfer.volume_id)):
        if key in query:
            chosen = chosen.where(column == query[key])
    return chosen


def _list(request: Request, context: Context, parts: ApiParts, version: Microversion) -> tuple[list[Transfer], int]:
    query = dict(request.query_params)
    if version.minor < 59:
        query["sort"] = "created_at:asc"
        query.pop("sort_key", None)
        query.pop("sort_dir", None)
    page, chosen = Listing.parse(query, version), _chosen(query, context)
    rows = parts.read(
        lambda session: page.select(
            session, chosen, _SORT_COLUMNS, Transfer.number, lambda marker: _find(session, marker, context)
        )
    )
    return rows, page.page.limit


@router.get("/os-volume-transfer")
@router.get("/volume-transfers")
def list_transfers(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    rows, limit = _list(request, context, parts, version)
    links = collection_links(request, "transfers", [row.id for row in rows], limit)
    return json_body(200, {"transfers": [_brief(request, row) for row in rows]} | links)


@router.get("/os-volume-transfer/detail")
@router.get("/volume-transfers/detail")
def list_transfers_in_detail(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    rows, limit = _list(request, context, parts, version)
    links = collection_links(request, "transfers", [row.id for row in rows], limit)
    return json_body(200, {"transfers": [_detail(request, row, version) for row in rows]} | links)


@router.get("/os-volume-transfer/{transfer_id}")
@router.get("/volume-transfers/{transfer_id}")
def show_transfer(
    request: Request, transfer_id: str, context: Authenticated, parts: Parts, version: Version
) -> Response:
    row = parts.read(lambda session: _find(session, transfer_id, context))
    return json_body(200, {"transfer": _detail(request, row, version)})


def _key(context: Context, secret: str) -> str:
    """The key of the offer that this request makes: the same at its repetition, and known to nobody else."""
    made = hmac.new(secret.encode(), f"transfer:{context.request.key}".encode(), hashlib.sha256)
    return made.hexdigest()[:_KEY_LENGTH]


def _hash(salt: str, key: str) -> str:
    return hmac.new(salt.encode(), key.encode(), hashlib.sha256).hexdigest()


def _offer(session: Session, wanted: NewTransfer, context: Context, key: str) -> Transfer:
    transfer_id = context.request.new_id("transfer")
    found = session.get(Transfer, transfer_id)
    if found is not None:
        return found
    volume = find_volume(session, wanted.volume_id, context)
    change_volume(session, volume, "offer", context.request.request_id, utcnow())
    for snapshot in () if wanted.no_snapshots else snapshots_of(session, volume.id):
        if snapshot.status != SnapshotStatus.AVAILABLE:
            raise BadRequest(f"Invalid snapshot: snapshot: {snapshot.id} status must be available")
    salt = secrets.token_hex(8)
    row = Transfer(
        id=transfer_id,
        number=time.time_ns(),
        volume_id=volume.id,
        name=wanted.name,
        status=TransferStatus.OFFERED,
        salt=salt,
        key_hash=_hash(salt, key),
        no_snapshots=wanted.no_snapshots,
        source_project_id=volume.project_id,
        created_at=utcnow(),
    )
    session.add(row)
    session.flush()
    return row


@router.post("/os-volume-transfer")
@router.post("/volume-transfers")
def create_transfer(
    request: Request, body: NewTransferBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_writer()
    since(version, {"no_snapshots": 55}, body.transfer.model_fields_set)
    key = _key(context, parts.settings.service_password)
    row = parts.write(lambda session: _offer(session, body.transfer, context, key))
    return json_body(202, {"transfer": _detail(request, row, version) | {"auth_key": key}})


def _end(row: Transfer, event: str) -> None:
    try:
        row.status = transfer_after(event, TransferStatus(row.status))
    except IllegalTransition as problem:
        raise BadRequest(f"Invalid transfer: {problem}") from None


def _accept(session: Session, transfer_id: str, key: str, context: Context) -> Transfer:
    again = session.get(Transfer, transfer_id) if len(transfer_id) <= 36 else None
    volume = session.get(Volume, again.volume_id) if again is not None else None
    if again is not None and volume is not None and volume.changed_by == context.request.request_id:
        return again
    row = _find(session, transfer_id, context, anybody=True)
    if not hmac.compare_digest(_hash(row.salt, key), row.key_hash):
        raise BadRequest(f"Invalid auth key: Attempt to transfer {transfer_id} with invalid auth key.")
    if volume is None or volume.deleted:
        raise NotFound(f"Volume {row.volume_id} could not be found.")
    change_volume(session, volume, "accept", context.request.request_id, utcnow())
    snapshots = [] if row.no_snapshots else snapshots_of(session, volume.id)
    _take_over(session, volume, snapshots, context)
    row.destination_project_id = context.project_id
    _end(row, "accept")
    return row


def _take_over(session: Session, volume: Volume, snapshots: list[Snapshot], context: Context) -> None:
    """The volume and what goes with it are the bearer's project's now, if its quota has room for them."""
    kind = session.get(VolumeType, volume.type_id)
    size = volume.size + sum(one.size for one in snapshots)
    quotas.check_volume_size(session, context.project_id, volume.size)
    quotas.reserve(
        session, context.project_id, kind.name if kind else "", volumes=1, snapshots=len(snapshots), size=size
    )
    moved: list[Volume | Snapshot] = [volume, *snapshots]
    for one in moved:
        one.project_id, one.user_id = context.project_id, context.user_id


@router.post("/os-volume-transfer/{transfer_id}/accept")
@router.post("/volume-transfers/{transfer_id}/accept")
def accept_transfer(
    request: Request, transfer_id: str, body: AcceptBody, context: Authenticated, parts: Parts
) -> Response:
    context.require_writer()
    row = parts.write(lambda session: _accept(session, transfer_id, str(body.accept.auth_key), context))
    return json_body(202, {"transfer": _brief(request, row)})


@router.delete("/os-volume-transfer/{transfer_id}")
@router.delete("/volume-transfers/{transfer_id}")
def delete_transfer(transfer_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_writer()

    def work(session: Session) -> None:
        row = _find(session, transfer_id, context)
        volume = session.get(Volume, row.volume_id)
        if volume is not None and volume.status == "awaiting-transfer":
            change_volume(session, volume, "withdraw", context.request.request_id, utcnow())
        _end(row, "withdraw")

    parts.write(work)
    return no_content(202)
