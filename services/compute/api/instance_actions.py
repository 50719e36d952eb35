"""The history of a server: what was asked of it, by whom, and what came of it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.parts import Parts
from services.compute.models import Instance, InstanceAction
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import NotFound
from services.platform.http import json_body
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute

router = APIRouter(route_class=StrictJsonRoute)


def _action_view(action: InstanceAction, version: Microversion) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "action": action.action,
        "instance_uuid": action.instance_id,
        "request_id": action.request_id,
        "user_id": action.user_id,
        "project_id": action.project_id,
        "start_time": action.start_time.isoformat(timespec="microseconds"),
        "message": action.message,
    }
    if version.minor >= 58:
        shown["updated_at"] = (action.updated_at or action.start_time).isoformat(timespec="microseconds")
    return shown


@router.get("/servers/{server_id}/os-instance-actions")
def list_actions(server_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    def work(session: Session) -> list[InstanceAction]:
        _find_even_deleted(session, server_id, context, version)
        chosen = select(InstanceAction).where(InstanceAction.instance_id == server_id)
        return list(session.scalars(chosen.order_by(InstanceAction.start_time.desc())))

    actions = parts.transactor.read(work)
    return json_body(200, {"instanceActions": [_action_view(action, version) for action in actions]})


def _find_even_deleted(session: Session, server_id: str, context: Context, version: Microversion) -> None:
    row = session.get(Instance, server_id[:40])
    if row is None or not context.sees_project(row.project_id) or (row.deleted and version.minor < 21):
        raise NotFound(f"Instance {server_id} could not be found.")


@router.get("/servers/{server_id}/os-instance-actions/{request_id}")
def show_action(server_id: str, request_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    def work(session: Session) -> InstanceAction:
        _find_even_deleted(session, server_id, context, version)
        action = session.get(InstanceAction, (server_id, request_id))
        if action is None:
            raise NotFound(f"Action for request_id {request_id} on instance {server_id} not found")
        return action

    action = parts.transactor.read(work)
    shown = _action_view(action, version)
    if context.is_admin or version.minor >= 51:
        shown["events"] = [_event_view(event, context, version) for event in action.events]
    return json_body(200, {"instanceAction": shown})


def _event_view(event: dict[str, Any], context: Context, version: Microversion) -> dict[str, Any]:
    shown = {key: event[key] for key in ("event", "start_time", "finish_time", "result")}
    if context.is_admin:
        shown["traceback"] = None
    if version.minor >= 62:
        shown |= {"hostId": "", **({"host": event["host"]} if context.is_admin else {})}
    if version.minor >= 84:
        shown["details"] = None
    return shown
