"""Taking volumes and snapshots out of the store. Never given up; whatever is gone already is no problem."""

from __future__ import annotations

import contextlib

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.volume.models import Snapshot, Volume, Work
from services.volume.names import snapshot_name, volume_image
from services.volume.states import Task
from services.volume.work.bench import Bench, Failed, NotYet
from services.volume.work.creating import abandon, drop_snapshot
from services.volume.work.keeper import Held
from storage.errors import ImageNotFound, SnapshotExists


def delete(bench: Bench, held: Held) -> None:
    """Raises NotYet while something is still made from the volume, or its snapshots are still there."""
    volume_id = held.claim.resource_id
    in_the_way = bench.transactor.read(lambda session: _in_the_way(session, volume_id))
    if in_the_way is not None:
        raise NotYet(f"volume {volume_id} waits for {in_the_way}")
    image = volume_image(volume_id)
    abandon(bench, held, bench.volume(volume_id))
    with contextlib.suppress(ImageNotFound):
        # What the database does not know of was made by replicas that died, or slept until now.
        for snapshot in bench.store.info(image).snapshots:
            drop_snapshot(bench.store, held, image, snapshot.name)
        held.check()
        bench.store.remove(image)
    bench.end(held.claim)


def _in_the_way(session: Session, volume_id: str) -> str | None:
    """What must go or be done before the volume can go: a snapshot, a copy being made."""
    snapshot = session.scalar(
        select(Snapshot.id).where(Snapshot.volume_id == volume_id, Snapshot.deleted.is_(False)).limit(1)
    )
    return snapshot or _being_made(session, Volume.source_volid == volume_id)


def _being_made(session: Session, which: object) -> str | None:
    """A volume that is still being filled from the source that `which` describes."""
    making = select(Volume.id).join(Work, Work.resource_id == Volume.id)
    found: str | None = session.scalar(making.where(which, Work.task == Task.CREATE).limit(1))  # type: ignore[arg-type]
    return found


def create_snapshot(bench: Bench, held: Held) -> None:
    """A protected snapshot of the volume as it is now."""
    snapshot = bench.snapshot(held.claim.resource_id)
    image, name = volume_image(snapshot.volume_id), snapshot_name(snapshot.id)
    try:
        held.check()
        with contextlib.suppress(SnapshotExists):
            bench.store.create_snapshot(image, name)
        bench.store.protect(image, name)
    except ImageNotFound:
        raise Failed("The volume is not in the store.") from None
    held.check()
    bench.end(held.claim)


def delete_snapshot(bench: Bench, held: Held) -> None:
    """Volumes that were made from it get data of their own first. Raises NotYet while one is still being made."""
    snapshot = bench.snapshot(held.claim.resource_id)
    making = bench.transactor.read(lambda session: _being_made(session, Volume.snapshot_id == snapshot.id))
    if making is not None:
        raise NotYet(f"snapshot {snapshot.id} waits for volume {making}")
    drop_snapshot(bench.store, held, volume_image(snapshot.volume_id), snapshot_name(snapshot.id))
    bench.end(held.claim)
