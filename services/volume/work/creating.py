"""Filling a volume: blank, from an image, from a snapshot, from another volume.

A blank one is one call to the store. Any other is filled under the name of the attempt and renamed when it is whole;
that the final name is there means that everything before it was done.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.platform.image_data import ImageGone
from services.volume.capabilities import unmet
from services.volume.lineage import must_flatten
from services.volume.models import Service, Volume, VolumeType
from services.volume.names import clone_snapshot, scratch_image, snapshot_name, volume_image
from services.volume.work.bench import NO_BACKEND, Bench, Failed, NotYet
from services.volume.work.keeper import Held
from storage.client.block_store import BlockStore, Device
from storage.errors import ClusterFull, ImageBusy, ImageExists, ImageNotFound, SnapshotExists, SnapshotNotFound

#: Zeros are looked for, and skipped, in pieces of this size, bytes.
_PIECE = 64 << 10


def create(bench: Bench, held: Held) -> None:
    """Raises Failed, NotYet, Lost, and what the store raises."""
    volume = bench.volume(held.claim.resource_id)
    bench.transactor.read(lambda session: refuse_unfit(session, volume.type_id))
    try:
        if volume.source_volid is not None:
            _from_volume(bench, held, volume, volume.source_volid)
        elif volume.snapshot_id is not None:
            _from_snapshot(bench, held, volume)
        elif volume.image_id is not None:
            _from_image(bench, held, volume, volume.image_id)
        else:
            _blank(bench, held, volume)
    except ClusterFull:
        raise Failed("The store has no room for the volume.") from None
    drop_scratch(bench, held)
    held.check()
    bench.end(held.claim)


def refuse_unfit(session: Session, type_id: str) -> None:
    """Raises Failed where the store is not what the volume's type asks for, or is closed to new volumes."""
    disabled = session.scalars(select(Service.disabled)).all()
    if disabled and all(disabled):
        raise Failed("No valid backend was found: every replica is disabled.", NO_BACKEND)
    kind = session.get(VolumeType, type_id)
    missing = unmet(kind.extra_specs) if kind is not None else None
    if missing is not None:
        raise Failed(f"No valid backend was found: the store does not offer {missing}.", NO_BACKEND)


def drop_scratch(bench: Bench, held: Held) -> None:
    """Remove what this attempt and the earlier ones left under names of their own.

    What a replica that does not know yet that it lost its claim still has open is left for later (`orphans`).
    """
    for attempt in range(held.claim.attempt, 0, -1):
        with contextlib.suppress(ImageNotFound, ImageBusy):
            bench.store.remove(scratch_image(held.claim.resource_id, attempt))


def abandon(bench: Bench, held: Held, volume: Volume) -> None:
    """Leave nothing of a volume that will not be made, except what its own name may hold."""
    drop_scratch(bench, held)
    if volume.source_volid is not None:
        drop_snapshot(bench.store, held, volume_image(volume.source_volid), clone_snapshot(volume.id))


def _is_whole(store: BlockStore, volume: Volume) -> bool:
    try:
        store.info(volume_image(volume.id))
    except ImageNotFound:
        return False
    return True


def _blank(bench: Bench, held: Held, volume: Volume) -> None:
    held.check()
    with contextlib.suppress(ImageExists):
        bench.store.create(volume_image(volume.id), volume.size * bench.unit)


def _rename(bench: Bench, held: Held, volume: Volume) -> None:
    held.check()
    with contextlib.suppress(ImageExists):  # another attempt was whole first; this one goes with the rest
        bench.store.rename(scratch_image(volume.id, held.claim.attempt), volume_image(volume.id))


def _from_snapshot(bench: Bench, held: Held, volume: Volume) -> None:
    store = bench.store
    if _is_whole(store, volume):
        return
    snapshot = bench.snapshot(volume.snapshot_id or "")
    parent, name = volume_image(snapshot.volume_id), snapshot_name(snapshot.id)
    try:
        _clone(bench, held, volume, parent, name)
    except (ImageNotFound, SnapshotNotFound):
        raise Failed(f"Snapshot {snapshot.id} is not in the store any more.") from None
    if must_flatten(_depth(store, scratch_image(volume.id, held.claim.attempt))):
        held.check()
        store.flatten(scratch_image(volume.id, held.claim.attempt))
    _rename(bench, held, volume)


def _clone(bench: Bench, held: Held, volume: Volume, parent: str, snapshot: str) -> None:
    scratch, size = scratch_image(volume.id, held.claim.attempt), volume.size * bench.unit
    held.check()
    bench.store.clone(parent, snapshot, scratch)
    if bench.store.info(scratch).size < size:
        held.check()
        bench.store.resize(scratch, size)


def _depth(store: BlockStore, image: str) -> int:
    """How many parents an image reads through."""
    depth = 0
    while (parent := store.info(image).parent) is not None:
        depth, image = depth + 1, parent.image
    return depth


def _from_volume(bench: Bench, held: Held, volume: Volume, source_id: str) -> None:
    """A copy by way of a snapshot of the source, which nobody sees and which is gone at the end."""
    store, source, name = bench.store, volume_image(source_id), clone_snapshot(volume.id)
    if not _is_whole(store, volume):
        try:
            held.check()
            with contextlib.suppress(SnapshotExists):
                store.create_snapshot(source, name)
            store.protect(source, name)
            _clone(bench, held, volume, source, name)
        except (ImageNotFound, SnapshotNotFound):
            raise Failed(f"Volume {source_id} is not in the store any more.") from None
        held.check()
        store.flatten(scratch_image(volume.id, held.claim.attempt))
        _rename(bench, held, volume)
    drop_scratch(bench, held)
    drop_snapshot(store, held, source, name)


def drop_snapshot(store: BlockStore, held: Held, image: str, snapshot: str) -> None:
    """Remove a snapshot; what was cloned from it is given its own data first. Harmless where it is gone.

    Raises NotYet where somebody keeps making clones of it.
    """
    try:
        for child in store.children(image, snapshot):
            held.check()
            with contextlib.suppress(ImageNotFound):
                store.flatten(child)
        held.check()
        store.unprotect(image, snapshot)
        store.remove_snapshot(image, snapshot)
    except (ImageNotFound, SnapshotNotFound):
        return
    except ImageBusy:
        raise NotYet(f"{image}@{snapshot} has got another child") from None


def _from_image(bench: Bench, held: Held, volume: Volume, image_id: str) -> None:
    if _is_whole(bench.store, volume):
        return
    scratch = scratch_image(volume.id, held.claim.attempt)
    held.check()
    bench.store.create(scratch, volume.size * bench.unit)
    device = bench.store.open(scratch)
    try:
        write_sparsely(device, bench.images.download(image_id), held)
        device.flush()
    except ImageGone as error:
        raise Failed(str(error)) from None
    finally:
        device.close()
    _rename(bench, held, volume)


def write_sparsely(device: Device, blocks: Iterable[bytes], held: Held) -> None:
    """Write a stream from the device's beginning; zeros, which a new device holds already, are left out."""
    offset = 0
    for block in blocks:
        held.check()
        if offset + len(block) > device.size:
            raise Failed("The image is larger than the volume.")
        for start, data in pieces_with_data(block):
            device.write(offset + start, data)
        offset += len(block)


def pieces_with_data(block: bytes) -> list[tuple[int, bytes]]:
    """The runs of `block` that are not all zeros, with their offsets, in whole pieces."""
    runs: list[tuple[int, bytes]] = []
    begin: int | None = None
    for start in range(0, len(block), _PIECE):
        piece = block[start : start + _PIECE]
        if piece.count(0) == len(piece):
            if begin is not None:
                runs.append((begin, block[begin:start]))
            begin = None
        elif begin is None:
            begin = start
    if begin is not None:
        runs.append((begin, block[begin:]))
    return runs
