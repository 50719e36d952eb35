"""Forgetting what is long over: rows of what was deleted, messages that have expired."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.volume.models import Attachment, Snapshot, Transfer, UserMessage, Volume, Work
from services.volume.states import TransferStatus

#: For so long a request that comes twice finds what its first execution made, and the store's garbage is known as such.
KEPT = timedelta(days=30)

_AT_ONCE = 500


def purge(session: Session, now: datetime) -> None:
    """Delete some of what nobody needs any more; the next time the rest."""
    before = now - KEPT
    for model in (Volume, Snapshot):
        gone = select(model.id).where(model.deleted.is_(True), model.deleted_at < before).limit(_AT_ONCE)
        ids = list(session.scalars(gone))
        session.execute(delete(Work).where(Work.resource_id.in_(ids)))
        session.execute(delete(model).where(model.id.in_(ids)))
    session.execute(delete(Attachment).where(Attachment.deleted.is_(True), Attachment.detached_at < before))
    session.execute(delete(Transfer).where(Transfer.status != TransferStatus.OFFERED, Transfer.created_at < before))
    session.execute(delete(UserMessage).where(UserMessage.expires_at < now))
