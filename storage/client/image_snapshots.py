"""Snapshots of images: taking them under a writer's hands, removing, protecting, and rolling back."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from msgspec.structs import replace

from storage.client import image_lock, image_store
from storage.client.image_header import Header, Rollback, Snapshot, check_name
from storage.client.image_lock import Patience
from storage.client.image_names import resolve
from storage.client.image_open import finish, writing
from storage.client.io_context import IoContext
from storage.client.striping import data_prefix, for_each
from storage.errors import ImageBusy, ImageNotFound, SnapshotExists, SnapshotNotFound

_BETWEEN_SECONDS: Final = 0.1


async def create_snapshot(io: IoContext, name: str, snapshot: str, patience: Patience) -> None:
    """Take a snapshot. Raises SnapshotExists; ImageBusy when the image's writer does not answer.

    While somebody has the lock, the snapshot is `pending` until the owner acknowledged that it writes with it in mind.
    One that its client left pending never counts: writes that came later may have missed it.
    """
    check_name(snapshot)
    header = await resolve(io, name)
    if header.unfinished is not None:
        async with writing(io, header.id, patience):
            pass
    header = await image_store.update(io, header.id, lambda header: _with_pending(header, name, snapshot))
    new = header.snapshots[-1]
    if new.state == "pending":
        await _complete(io, header, new, patience)
    else:
        await image_lock.tell(io, header.id, patience)
    await sweep(io, header.id)


def _with_pending(header: Header, name: str, snapshot: str) -> Header:
    if header.state != "live":
        raise ImageNotFound(f"there is no image {name}")
    header.require_whole()
    if any(one.name == snapshot for one in header.visible):
        raise SnapshotExists(f"image {header.name} has a snapshot {snapshot}")
    number = header.snap_seq + 1
    new = Snapshot(
        id=number,
        name=snapshot,
        size=header.size,
        overlap=min(header.overlap, header.size),
        created=time.time(),
        state="pending" if header.lock else "ready",
    )
    kept = tuple(_given_up(one) if one.name == snapshot else one for one in header.snapshots)
    return replace(header, snap_seq=number, snapshots=(*kept, new))


def _given_up(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, state="removing", protected=False)


async def _complete(io: IoContext, header: Header, new: Snapshot, patience: Patience) -> None:
    """Make a pending snapshot ready as soon as the owner of the lock acknowledged, or there is another or none."""
    lock, deadline = header.lock, time.monotonic() + patience.total
    assert lock is not None
    while True:
        told = await io.notify(image_store.header_object(header.id), image_lock.LOOK, patience.answer)
        now = await image_store.load(io, header.id)
        # Whoever has taken the lock since then has read the header with the snapshot in it.
        if lock.owner in told.acknowledged or now.lock != lock:
            break
        if time.monotonic() > deadline:
            await _set_state(io, header.id, new.id, "removing")
            raise image_lock.does_not_answer(header, lock)
        await asyncio.sleep(min(_BETWEEN_SECONDS, patience.total))
    changed = await _set_state(io, header.id, new.id, "ready")
    if all(one.id != new.id or one.state != "ready" for one in changed.snapshots):
        raise ImageBusy(f"somebody else takes a snapshot {new.name} of image {header.name} at this moment")


async def _set_state(io: IoContext, image_id: str, number: int, state: str) -> Header:
    """Of a snapshot that is pending still; it stays as it is otherwise."""

    def decide(header: Header) -> Header:
        for one in header.snapshots:
            if one.id == number and one.state == "pending":
                return header.with_snapshot(replace(one, state=state))
        return header

    return await image_store.update(io, image_id, decide)


async def remove_snapshot(io: IoContext, name: str, snapshot: str, patience: Patience) -> None:
    """Remove a snapshot, or finish that. Raises SnapshotNotFound, ImageBusy while it is protected."""
    header = await resolve(io, name)

    def decide(header: Header) -> Header:
        meant = [one for one in header.snapshots if one.name == snapshot]
        if not meant:
            raise SnapshotNotFound(f"image {name} has no snapshot {snapshot}")
        if any(one.protected for one in meant):
            raise ImageBusy(f"snapshot {snapshot} of image {name} is protected")
        if header.unfinished in [Rollback(one.id) for one in meant]:
            header.require_whole()
        return replace(header, snapshots=tuple(_given_up(one) if one in meant else one for one in header.snapshots))

    await image_store.update(io, header.id, decide)
    await image_lock.tell(io, header.id, patience)
    await sweep(io, header.id)


async def sweep(io: IoContext, image_id: str) -> None:
    """Trim what belongs to snapshots that are being removed, and forget them."""
    header = await image_store.load(io, image_id)
    numbers = [one.id for one in header.snapshots if one.state == "removing"]
    if not numbers:
        return

    async def trim(name: str) -> None:
        for number in numbers:
            await io.trim_snap(name, number)

    await for_each(await io.list(data_prefix(image_id)), trim)

    def decide(header: Header) -> Header:
        return replace(header, snapshots=tuple(one for one in header.snapshots if one.id not in numbers))

    await image_store.update(io, image_id, decide)


async def protect(io: IoContext, name: str, snapshot: str) -> None:
    """Allow clones of a snapshot, and forbid its removal. Harmless twice."""
    header = await resolve(io, name)
    await image_store.update(
        io, header.id, lambda header: header.with_snapshot(replace(header.snapshot(snapshot), protected=True))
    )


async def roll_back(io: IoContext, name: str, snapshot: str, patience: Patience) -> None:
    """Set the image back to what it was at a snapshot. Raises ImageBusy while somebody has it open for writing."""
    header = await resolve(io, name)
    header.snapshot(snapshot)
    async with writing(io, header.id, patience) as image:

        def decide(header: Header) -> Header:
            return replace(header, unfinished=Rollback(header.snapshot(snapshot).id))

        await image_store.update(io, header.id, decide)
        await image.look()
        await finish(io, image)
