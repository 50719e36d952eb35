"""Clearing the store of what belongs to nothing: the work of replicas that slept, and woke when all was over."""

from __future__ import annotations

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.volume.models import Volume, Work
from services.volume.names import garbage, volume_of
from services.volume.work.bench import Bench
from storage.errors import ImageBusy, ImageNotFound

log = logging.getLogger(__name__)

_AT_ONCE = 500


def clear_orphans(bench: Bench) -> list[str]:
    """Remove images that no volume needs; returns their names. Images are listed first, rows are read second."""
    images = [image for image in bench.store.list() if volume_of(image)]
    removed = []
    for start in range(0, len(images), _AT_ONCE):
        batch = images[start : start + _AT_ONCE]
        ids = {found for image in batch if (found := volume_of(image))}
        known = bench.transactor.read(lambda session, ids=ids: _attempts(session, ids))  # type: ignore[misc]
        removed += [image for image in garbage(batch, known) if _remove(bench, image)]
    return removed


def _attempts(session: Session, ids: set[str]) -> dict[str, int | None]:
    """Each volume's number of the attempt under way, or the first number that is not in use; None: it was deleted."""
    rows = session.execute(
        select(Volume.id, Volume.deleted, Work.attempt, Work.task)
        .outerjoin(Work, Work.resource_id == Volume.id)
        .where(Volume.id.in_(ids))
    )
    return {row.id: None if row.deleted else (row.attempt or 0) + (row.task is None) for row in rows}


def _remove(bench: Bench, image: str) -> bool:
    try:
        for snapshot in bench.store.info(image).snapshots:
            for child in bench.store.children(image, snapshot.name):
                bench.store.flatten(child)
            bench.store.unprotect(image, snapshot.name)
            bench.store.remove_snapshot(image, snapshot.name)
        bench.store.remove(image)
    except ImageNotFound:
        return False
    except ImageBusy:
        log.warning("%s belongs to nothing, but somebody has it open", image)
        return False
    log.info("removed %s: it belongs to nothing", image)
    return True
