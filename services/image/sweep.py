"""Clearing up after replicas that died: leases that ended, data that nothing names, old tombstones.

Every replica does it, at any time, without asking the others: see the two rules in `leases`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.image.leases import garbage, image_of
from services.image.models import Image, Tombstone, Upload
from services.image.service import Service
from services.platform.times import utcnow

log = logging.getLogger(__name__)

_TOMBSTONE_HOURS: Final = 24
_AT_ONCE: Final = 500


class Sweep:
    """Runs once in a while; see `platform.worker.Periodic`."""

    def __init__(self, service: Service, ready: Callable[[], bool]) -> None:
        self._service, self._ready, self._was_ready = service, ready, False

    def once(self) -> None:
        self._was_ready = self._was_ready or self._ready()
        if not self._was_ready:
            return
        for image_id in self._service.uploads.put_back_lost():
            log.info("image %s is queued again: nothing was heard of its upload for too long", image_id)
        # Files first, names second: what is named by then is kept.
        files = list(self._service.store.names(self._service.settings.sweep_grace_seconds))
        for start in range(0, len(files) or 1, _AT_ONCE):
            self._remove_garbage(files[start : start + _AT_ONCE])

    def _remove_garbage(self, files: Sequence[str]) -> None:
        for blob in garbage(files, self._named(files)):
            log.info("removing %s: no image names it", blob)
            self._service.store.delete(blob)

    def _named(self, files: Sequence[str]) -> set[str]:
        ids = {image_of(file) for file in files}
        oldest = utcnow() - timedelta(hours=_TOMBSTONE_HOURS)

        def work(session: Session) -> set[str]:
            # First something that only a node with a quorum does: one that was cut off may still let itself be read,
            # and would not know the names of what the other region has stored since.
            session.execute(delete(Tombstone).where(Tombstone.deleted_at < oldest))
            rows = session.execute(select(Image.location, Image.staged).where(Image.id.in_(ids))).all()
            attempts = session.scalars(select(Upload.blob).where(Upload.image_id.in_(ids))).all()
            return {blob for row in rows for blob in row if blob} | set(attempts)

        return self._service.write(work)
