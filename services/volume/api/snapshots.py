"""Snapshots: list, show, create, update, delete, and what administrators do to them."""

from __future__ import annotations

import re
import time
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.database import find_or_add
from services.platform.faults import BadRequest
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume import quotas
from services.volume.api.body import Body, Flag, Label, Metadata, Uuid
from services.volume.api.links import collection_links
from services.volume.api.listing import Listing
from services.volume.api.parts import ApiParts, Parts
from services.volume.api.snapshot_queries import SORT_COLUMNS, chosen_snapshots, find_snapshot
from services.volume.api.volume_queries import find_volume
from services.volume.api.volume_views import moment
from services.volume.models import Snapshot, Volume, VolumeType
from services.volume.rows import change_snapshot, hold, set_status
from services.volume.states import SnapshotStatus, Task, VolumeStatus
from services.volume.work.claims import order

router = APIRouter(route_class=StrictJsonRoute)


class NewSnapshot(Body):
    volume_id: Uuid | None
    name: Label | None = None
    display_name: Label | None = None
    description: Label | None = None
    force: Flag | None = None
    metadata: Metadata | None = None


class NewSnapshotBody(Body):
    snapshot: NewSnapshot


class SnapshotChange(Body):
    name: Label | None = None
    display_name: Label | None = None
    description: Label | None = None
    display_description: Label | None = None


class SnapshotChangeBody(Body):
    snapshot: SnapshotChange


def view(row: Snapshot, version: Microversion, *, extended: bool = True) -> dict[str, Any]:
    """A snapshot as answers show it; those to creation and update have nothing that extensions add."""
    shown: dict[str, Any] = {
        "id": row.id,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
        "name": row.name,
        "description": row.description,
        "volume_id": row.volume_id,
        "status": row.status,
        "size": row.size,
        "metadata": row.meta,
    }
    if version.minor >= 14:
        shown["group_snapshot_id"] = None
    if version.minor >= 41:
        shown["user_id"] = row.user_id
    if version.minor >= 65:
        shown["consumes_quota"] = True
    if extended:
        done = "0%" if row.status == SnapshotStatus.CREATING else "100%"
        shown |= {
            "os-extended-snapshot-attributes:progress": row.progress or done,
            "os-extended-snapshot-attributes:project_id": row.project_id,
        }
    return shown


def _list(
    request: Request, context: Context, parts: ApiParts, version: Microversion, *, details: bool
) -> dict[str, Any]:
    query = dict(request.query_params)
    listing, chosen = Listing.parse(query, version), chosen_snapshots(query, context, version)

    def work(session: Session) -> dict[str, Any]:
        rows = listing.select(
            session, chosen, SORT_COLUMNS, Snapshot.number, lambda marker: find_snapshot(session, marker, context)
        )
        shown = [view(row, version) if details else view(row, Microversion(3, 0), extended=False) for row in rows]
        links = collection_links(request, "snapshots", [row.id for row in rows], listing.page.limit)
        return {"snapshots": shown} | links | listing.count(session, chosen)

    return parts.read(work)


@router.get("/snapshots")
def list_snapshots(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    return json_body(200, _list(request, context, parts, version, details=False))


@router.get("/snapshots/detail")
def list_snapshots_in_detail(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    return json_body(200, _list(request, context, parts, version, details=True))


@router.get("/snapshots/{snapshot_id}")
def show_snapshot(snapshot_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    row = parts.read(lambda session: find_snapshot(session, snapshot_id, context))
    return json_body(200, {"snapshot": view(row, version)})


def _check_volume(volume: Volume, wanted: NewSnapshot, version: Microversion) -> None:
    """Raises BadRequest where the volume's state forbids a snapshot. From 3.66 on, `force` goes without saying."""
    if version.minor >= 66 and wanted.force is False:
        raise BadRequest("Since microversion 3.66 the 'force' flag is invalid for this request.")
    anyhow = bool(wanted.force) or version.minor >= 66
    allowed = (VolumeStatus.AVAILABLE, VolumeStatus.IN_USE) if anyhow else (VolumeStatus.AVAILABLE,)
    if volume.status not in allowed:
        raise BadRequest(
            f"Invalid volume: Volume {volume.id} status must be {', '.join(allowed)}, but current status is: "
            f"{volume.status}."
        )


def _store(session: Session, wanted: NewSnapshot, context: Context, version: Microversion) -> Snapshot:
    snapshot_id, now = context.request.new_id("snapshot"), utcnow()
    found = session.get(Snapshot, snapshot_id)
    if found is not None:
        return found
    volume = find_volume(session, str(wanted.volume_id), context)
    _check_volume(volume, wanted, version)
    hold(volume)
    kind = session.get(VolumeType, volume.type_id)
    quotas.reserve(session, context.project_id, kind.name if kind else "", snapshots=1, size=volume.size)
    row = Snapshot(
        id=snapshot_id,
        number=time.time_ns(),
        volume_id=volume.id,
        project_id=context.project_id,
        user_id=context.user_id,
        name=wanted.name if wanted.name is not None else wanted.display_name,
        description=wanted.description,
        size=volume.size,
        status=SnapshotStatus.CREATING,
        type_id=volume.type_id,
        meta=dict(wanted.metadata or {}),
        changed_by=context.request.request_id,
        created_at=now,
        deleted=False,
    )
    row, _ = find_or_add(session, row, snapshot_id)
    order(session, row.id, "snapshot", Task.CREATE_SNAPSHOT, {}, context.request.request_id, now)
    return row


@router.post("/snapshots")
def create_snapshot(body: NewSnapshotBody, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_writer()
    row = parts.write(lambda session: _store(session, body.snapshot, context, version))
    parts.hint(row.id)
    return json_body(202, {"snapshot": view(row, version, extended=False)})


@router.put("/snapshots/{snapshot_id}")
def update_snapshot(
    snapshot_id: str, body: SnapshotChangeBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_writer()
    change = body.snapshot
    given = change.model_fields_set
    if not given:
        raise BadRequest("Invalid input for field/attribute snapshot. Give at least one of its properties.")

    def work(session: Session) -> Snapshot:
        row = find_snapshot(session, snapshot_id, context)
        if given & {"name", "display_name"}:
            row.name = change.name if "name" in given else change.display_name
        if given & {"description", "display_description"}:
            row.description = change.description if "description" in given else change.display_description
        row.updated_at = utcnow()
        return row

    return json_body(200, {"snapshot": view(parts.write(work), version, extended=False)})


def _delete(snapshot_id: str, event: str, context: Context, parts: ApiParts) -> Response:
    def work(session: Session) -> None:
        row = find_snapshot(session, snapshot_id, context)
        change_snapshot(session, row, event, context.request.request_id, utcnow())

    parts.write(work)
    parts.hint(snapshot_id)
    return no_content(202)


@router.delete("/snapshots/{snapshot_id}")
def delete_snapshot(snapshot_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_writer()
    return _delete(snapshot_id, "delete", context, parts)


def _reset_status(snapshot_id: str, argument: Any, context: Context, parts: ApiParts) -> Response:
    status = argument.get("status") if isinstance(argument, dict) and set(argument) == {"status"} else None
    if not isinstance(status, str) or status not in set(SnapshotStatus) - {SnapshotStatus.DELETED}:
        raise BadRequest(f"Invalid input for field/attribute status. Value: {str(status)[:50]}. No such status.")
    parts.write(lambda session: set_status(session, find_snapshot(session, snapshot_id, context), status, utcnow()))
    return no_content(202)


#: What a service that makes snapshots itself may report, by the status that it finds.
_REPORTS = {
    SnapshotStatus.CREATING: (SnapshotStatus.CREATING, SnapshotStatus.AVAILABLE, SnapshotStatus.ERROR),
    SnapshotStatus.DELETING: (SnapshotStatus.DELETING, SnapshotStatus.ERROR_DELETING),
}


def _update_status(snapshot_id: str, argument: Any, context: Context, parts: ApiParts) -> Response:
    status = argument.get("status") if isinstance(argument, dict) else None
    progress = argument.get("progress") if isinstance(argument, dict) else None
    if not isinstance(status, str) or set(argument) - {"status", "progress"}:
        raise BadRequest("Invalid input for field/attribute status.")
    if progress is not None and not re.fullmatch(r"[0-9]{1,3}%?", str(progress)):
        raise BadRequest("Invalid input for field/attribute progress. It must be a percentage.")

    def work(session: Session) -> None:
        row = find_snapshot(session, snapshot_id, context)
        if status not in _REPORTS.get(SnapshotStatus(row.status), ()):
            raise BadRequest(f"Snapshot status {row.status} not allowed for update_snapshot_status to {status[:50]}")
        if status != row.status:
            set_status(session, row, status, utcnow())
        row.progress = str(progress) if progress is not None else row.progress

    parts.write(work)
    return no_content(202)


@router.post("/snapshots/{snapshot_id}/action")
def act_on_snapshot(snapshot_id: str, body: dict[str, Any], context: Authenticated, parts: Parts) -> Response:
    if len(body) != 1:
        raise BadRequest("Give exactly one action.")
    ((name, argument),) = body.items()
    context.require_writer()
    match name:
        case "os-reset_status":
            context.require_admin()
            return _reset_status(snapshot_id, argument, context, parts)
        case "os-force_delete":
            context.require_admin()
            return _delete(snapshot_id, "force-delete", context, parts)
        case "os-update_snapshot_status":
            return _update_status(snapshot_id, argument, context, parts)
        case _:
            raise BadRequest(f"There is no such action: {name}")
