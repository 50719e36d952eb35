"""Clearing the store of what belongs to nothing: the work of replicas that slept, and woke when all was over.

What is in the store is listed first, what is needed is read from the database second; so what was made meanwhile is
known to be needed. What the database has never heard of is left alone.
"""

from __future__ import annotations

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.volume.models import Snapshot, Volume, Work
from services.volume.names import Purpose, garbage, purpose_of, volume_of
from services.volume.states import Task
from services.volume.work.bench import Bench
from storage.errors import ImageBusy, ImageNotFound, SnapshotNotFound

log = logging.getLogger(__name__)

_AT_ONCE = 500


def clear_orphans(bench: Bench) -> list[str]:
    """Remove images that no volume needs, and snapshots that nobody needs; returns their names."""
    images = [image for image in bench.store.list() if volume_of(image)]
    removed = []
    for start in range(0, len(images), _AT_ONCE):
        batch = images[start : start + _AT_ONCE]
        ids = {found for image in batch if (found := volume_of(image))}
        known = bench.transactor.read(lambda session, ids=ids: _attempts(session, ids))  # type: ignore[misc]
        useless = garbage(batch, known)
        removed += [image for image in useless if _remove(bench, image)]
        for image in set(batch) - set(useless):
            removed += _clear_snapshots(bench, image)
    return removed


def _attempts(session: Session, ids: set[str]) -> dict[str, int | None]:
    """Each volume's number of the attempt under way, or the first number that is not in use; None: it was deleted."""
    rows = session.execute(
        select(Volume.id, Volume.deleted, Work.attempt, Work.task)
        .outerjoin(Work, Work.resource_id == Volume.id)
        .where(Volume.id.in_(ids))
    )
    return {row.id: None if row.deleted else (row.attempt or 0) + (row.task is None) for row in rows}


def _clear_snapshots(bench: Bench, image: str) -> list[str]:
    try:
        there = [snapshot.name for snapshot in bench.store.info(image).snapshots]
    except ImageNotFound:
        return []
    found = [(name, purpose) for name in there if (purpose := purpose_of(name))]
    stray = bench.transactor.read(
        lambda session: [name for name, (purpose, owner) in found if _is_over(session, purpose, owner)]
    )
    return [f"{image}@{name}" for name in stray if _remove_snapshot(bench, image, name)]


def _is_over(session: Session, purpose: Purpose, owner: str) -> bool:
    """Whether what a snapshot was made for is done, or came to nothing."""
    if purpose is Purpose.SNAPSHOT:
        row = session.get(Snapshot, owner)
        return row is not None and row.deleted
    if purpose is Purpose.CLONE:
        copying = session.get(Work, owner)
        return copying is not None and copying.task not in (Task.CREATE, Task.DELETE)
    uploading = session.scalars(select(Work).where(Work.task == Task.UPLOAD))
    return all(work.args.get("image_id") != owner for work in uploading)


def _remove_snapshot(bench: Bench, image: str, snapshot: str) -> bool:
    try:
        for child in bench.store.children(image, snapshot):
            bench.store.flatten(child)
        bench.store.unprotect(image, snapshot)
        bench.store.remove_snapshot(image, snapshot)
    except (ImageNotFound, SnapshotNotFound):
        return False
    except ImageBusy:
        log.warning("%s@%s is needed no more, but has children just now", image, snapshot)
        return False
    log.info("removed %s@%s: it is needed no more", image, snapshot)
    return True


def _remove(bench: Bench, image: str) -> bool:
    try:
        for snapshot in bench.store.info(image).snapshots:
            _remove_snapshot(bench, image, snapshot.name)
        bench.store.remove(image)
    except ImageNotFound:
        return False
    except ImageBusy:
        log.warning("%s belongs to nothing, but somebody has it open", image)
        return False
    log.info("removed %s: it belongs to nothing", image)
    return True
