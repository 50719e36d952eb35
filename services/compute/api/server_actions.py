"""Actions on servers: `POST /servers/{id}/action` with one key that names the action."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute import topics
from services.compute.api import image_creation
from services.compute.api.intents import delete, record_action, refuse_locked
from services.compute.api.parts import ApiParts, Parts
from services.compute.api.server_queries import find_server
from services.compute.instances import start_task
from services.compute.server_images import call_off
from services.compute.states import IllegalTransition, Task, VmState, begin
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Conflict, Forbidden
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow

router = APIRouter(route_class=StrictJsonRoute)


def _act(server_id: str, action: str, shown: str, context: Context, parts: ApiParts) -> Response:
    """Store an action's task and hint. `action` is its name in the state table, `shown` the one users know."""

    def work(session: Session) -> None:
        row = find_server(session, server_id, context)
        refuse_locked(row, context)
        if not record_action(session, row, shown, context):
            return
        try:
            task = begin(action, VmState(row.vm_state), Task(row.task_state) if row.task_state else None)
        except IllegalTransition:
            what = f"task_state {row.task_state}" if row.task_state else f"vm_state {row.vm_state}"
            raise Conflict(f"Cannot '{shown}' instance {row.id} while it is in {what}") from None
        start_task(row, task, context.request.request_id, utcnow())

    parts.transactor.write(work)
    parts.hints.send(topics.CONDUCTOR, "advance", instance_ids=[server_id])
    return no_content(202)


def _nothing(argument: Any) -> None:
    if argument not in (None, {}, ""):
        raise BadRequest("This action takes no argument: send null.")


def _stop(server_id: str, argument: Any, context: Context, parts: ApiParts, _version: Microversion) -> Response:
    _nothing(argument)
    return _act(server_id, "stop", "stop", context, parts)


def _start(server_id: str, argument: Any, context: Context, parts: ApiParts, _version: Microversion) -> Response:
    _nothing(argument)
    return _act(server_id, "start", "start", context, parts)


def _reboot(server_id: str, argument: Any, context: Context, parts: ApiParts, _version: Microversion) -> Response:
    kind = argument.get("type") if isinstance(argument, dict) and set(argument) == {"type"} else None
    if not isinstance(kind, str) or kind.upper() not in ("SOFT", "HARD"):
        raise BadRequest("Invalid input for field/attribute type. It must be SOFT or HARD.")
    return _act(server_id, "reboot" if kind.upper() == "SOFT" else "reboot-hard", "reboot", context, parts)


def _lock(server_id: str, argument: Any, context: Context, parts: ApiParts, version: Microversion) -> Response:
    reason = None
    if version.minor >= 73 and isinstance(argument, dict) and set(argument) <= {"locked_reason"}:
        reason = argument.get("locked_reason")
        if reason is not None and (not isinstance(reason, str) or not 1 <= len(reason) <= 255):
            raise BadRequest("Invalid input for field/attribute locked_reason. It must have 1 to 255 characters.")
    else:
        _nothing(argument)

    def work(session: Session) -> None:
        row = find_server(session, server_id, context)
        record_action(session, row, "lock", context)
        row.locked_by, row.locked_reason = ("admin" if context.is_admin else "owner"), reason

    parts.transactor.write(work)
    return no_content(202)


def _unlock(server_id: str, argument: Any, context: Context, parts: ApiParts, _version: Microversion) -> Response:
    _nothing(argument)

    def work(session: Session) -> None:
        row = find_server(session, server_id, context)
        if row.locked_by == "admin" and not context.is_admin:
            raise Forbidden("Only an administrator can unlock what an administrator locked.")
        record_action(session, row, "unlock", context)
        row.locked_by = row.locked_reason = None

    parts.transactor.write(work)
    return no_content(202)


def _reset_state(server_id: str, argument: Any, context: Context, parts: ApiParts, _version: Microversion) -> Response:
    context.require_admin()
    state = argument.get("state") if isinstance(argument, dict) and set(argument) == {"state"} else None
    if state not in ("active", "error"):
        raise BadRequest("Invalid input for field/attribute state. It must be active or error.")

    def work(session: Session) -> None:
        row = find_server(session, server_id, context)
        record_action(session, row, "reset-state", context)
        call_off(session, row.id, utcnow())
        row.vm_state, row.task_state, row.check_at = VmState(state), None, None
        row.op += 1  # whatever an agent still reports is of an order that no longer counts
        row.updated_at = utcnow()

    parts.transactor.write(work)
    return no_content(202)


def _console_output(
    server_id: str, argument: Any, context: Context, parts: ApiParts, _version: Microversion
) -> Response:
    length = argument.get("length") if isinstance(argument, dict) and set(argument) <= {"length"} else ""
    if isinstance(length, str) and (length.isdigit() or length == "-1"):
        length = int(length)
    if length is not None and (isinstance(length, bool) or not isinstance(length, int) or length < -1):
        raise BadRequest("Invalid input for field/attribute length. It must be a number of lines, or -1 for all.")
    row = parts.transactor.read(lambda session: find_server(session, server_id, context))
    if row.host is None:
        raise Conflict(f"Instance {server_id} is not ready")
    output: str = parts.caller.call(topics.agent(row.host), "console_output", instance_id=server_id)
    lines = output.splitlines()
    kept = lines if length in (None, -1) else lines[len(lines) - min(length, len(lines)) :]
    return json_body(200, {"output": "\n".join(kept)})


def _force_delete(server_id: str, argument: Any, context: Context, parts: ApiParts, _version: Microversion) -> Response:
    _nothing(argument)
    delete(server_id, context, parts)
    return no_content(202)


Handler = Callable[[str, Any, Context, ApiParts, Microversion], Response]

HANDLERS: dict[str, Handler] = {
    "os-stop": _stop,
    "os-start": _start,
    "reboot": _reboot,
    "lock": _lock,
    "unlock": _unlock,
    "os-resetState": _reset_state,
    "os-getConsoleOutput": _console_output,
    "forceDelete": _force_delete,
    image_creation.ACTION: image_creation.create_image,
}


@router.post("/servers/{server_id}/action")
def act_on_server(
    server_id: str, body: dict[str, Any], context: Authenticated, parts: Parts, version: Version
) -> Response:
    if len(body) != 1:
        raise BadRequest("Give exactly one action.")
    ((name, argument),) = body.items()
    handler = HANDLERS.get(name)
    if handler is None:
        raise BadRequest(f"There is no such action: {name}")
    if name != "os-getConsoleOutput":
        context.require_writer()
    return handler(server_id, argument, context, parts, version)
