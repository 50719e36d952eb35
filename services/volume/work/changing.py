"""Changes of a volume that is there: growing it, setting it back to a snapshot, copying it into an image."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from services.platform.image_data import ImageGone
from services.volume import qcow2
from services.volume.images import BLOCK
from services.volume.names import snapshot_name, upload_snapshot, volume_image
from services.volume.work.bench import Bench, Failed
from services.volume.work.creating import drop_snapshot
from services.volume.work.keeper import Held
from storage.client.block_store import Device
from storage.errors import ImageNotFound, SnapshotExists, SnapshotNotFound

_MISSING = "The volume is not in the store."


def extend(bench: Bench, held: Held) -> None:
    """Only ever grows: a resize that comes late must not cut anything off."""
    image, size = volume_image(held.claim.resource_id), int(held.claim.args["new_size"]) * bench.unit
    try:
        if bench.store.info(image).size < size:
            held.check()
            bench.store.resize(image, size)
    except ImageNotFound:
        raise Failed(_MISSING) from None
    held.check()
    bench.end(held.claim)


def revert(bench: Bench, held: Held) -> None:
    """Setting back to a snapshot twice is as good as once, as long as nobody has the volume in use."""
    volume = bench.volume(held.claim.resource_id)
    image, size = volume_image(volume.id), volume.size * bench.unit
    try:
        held.check()
        bench.store.rollback(image, snapshot_name(held.claim.args["snapshot_id"]))
        if bench.store.info(image).size < size:
            held.check()
            bench.store.resize(image, size)
    except (ImageNotFound, SnapshotNotFound):
        raise Failed("The snapshot is not in the store any more.") from None
    held.check()
    bench.end(held.claim)


def upload(bench: Bench, held: Held) -> None:
    """Fill an image from a snapshot of the volume that is there only for this."""
    image, image_id = volume_image(held.claim.resource_id), str(held.claim.args["image_id"])
    snapshot = upload_snapshot(image_id)
    problem: Failed | None = None
    try:
        _fill(bench, held, image, snapshot, image_id)
    except ImageGone as error:
        problem = Failed(str(error))
    except (ImageNotFound, SnapshotNotFound):
        problem = Failed(_MISSING)
    drop_snapshot(bench.store, held, image, snapshot)
    held.check()
    bench.end(held.claim, problem=problem)


def _fill(bench: Bench, held: Held, image: str, snapshot: str, image_id: str) -> None:
    found = bench.images.show(image_id)
    if found is None:
        raise ImageGone(f"Image {image_id} was deleted before it was filled.")
    if found.status not in ("queued", "saving"):
        return  # an earlier attempt has filled it
    held.check()
    with contextlib.suppress(SnapshotExists):
        bench.store.create_snapshot(image, snapshot)
    device = bench.store.open(image, snapshot=snapshot)
    try:
        blocks = _as_qcow2(device, held) if found.disk_format == "qcow2" else _blocks(device, held)
        bench.images.upload(image_id, blocks)
    finally:
        device.close()


def _blocks(device: Device, held: Held) -> Iterator[bytes]:
    for offset in range(0, device.size, BLOCK):
        held.check()
        yield device.read(offset, min(BLOCK, device.size - offset))


def _as_qcow2(device: Device, held: Held) -> Iterator[bytes]:
    """The snapshot is read twice: to know which parts of it hold anything, and for those."""
    used = bytearray()
    for block in _blocks(device, held):
        used += bytes(piece.count(0) != len(piece) for piece in _clusters(block))
    yield from qcow2.tables(device.size, used)
    number = 0
    for block in _blocks(device, held):
        for piece in _clusters(block):
            if used[number]:
                yield piece + bytes(-len(piece) % qcow2.CLUSTER)
            number += 1


def _clusters(block: bytes) -> list[bytes]:
    return [block[start : start + qcow2.CLUSTER] for start in range(0, len(block), qcow2.CLUSTER)]
