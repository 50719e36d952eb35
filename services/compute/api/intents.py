"""Storing what is to be done for a server: the history entry, the lock, the delete."""

from __future__ import annotations

from sqlalchemy.orm import Session

from services.compute import topics
from services.compute.api.parts import ApiParts
from services.compute.api.server_queries import find_server
from services.compute.instances import start_delete
from services.compute.models import Instance, InstanceAction
from services.compute.states import Task
from services.platform.context import Context
from services.platform.faults import Conflict
from services.platform.times import utcnow


def refuse_locked(row: Instance, context: Context) -> None:
    """Raises Conflict for anybody but an administrator where the server is locked."""
    if row.locked_by is not None and not context.is_admin:
        raise Conflict(f"Instance {row.id} is locked")


def record_action(session: Session, row: Instance, action: str, context: Context) -> bool:
    """Enter the action into the server's history. False where this very request has entered it before."""
    key = (row.id, context.request.request_id)
    if session.get(InstanceAction, key) is not None:
        return False
    session.add(
        InstanceAction(
            instance_id=row.id,
            request_id=context.request.request_id,
            action=action,
            user_id=context.user_id,
            project_id=row.project_id,
            start_time=utcnow(),
            events=[],
        )
    )
    return True


def delete(server_id: str, context: Context, parts: ApiParts) -> None:
    """Store that the server is to go, and hint. Repeating it is harmless."""
    context.require_writer()

    def work(session: Session) -> None:
        row = find_server(session, server_id, context)
        refuse_locked(row, context)
        if row.task_state == Task.DELETING:
            return
        record_action(session, row, "delete", context)
        start_delete(session, row, context.request.request_id, utcnow())

    parts.transactor.write(work)
    parts.hints.send(topics.CONDUCTOR, "advance", instance_ids=[server_id])
