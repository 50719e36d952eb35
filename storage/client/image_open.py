"""Opening images. What a dead client left unfinished in one is finished by whoever opens it for writing next."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator

from msgspec.structs import replace

from storage.client import image_store
from storage.client.image import Image
from storage.client.image_header import Header, Rollback, Trim
from storage.client.image_lock import Patience
from storage.client.io_context import IoContext
from storage.client.striping import for_each, index_of, object_count
from storage.errors import ObjectNotFound
from storage.names import HEAD


async def open_for_reading(io: IoContext, header: Header, snapshot: str | None, patience: Patience) -> Image:
    """The image, or one of its snapshots. Raises ImageBusy for an image in the midst of a rollback."""
    snap = HEAD
    if snapshot is None:
        header.require_whole()
    else:
        snap = header.snapshot(snapshot).id
    image = Image(io, header.id, snap=snap)
    await image.start(patience)
    return image


async def open_for_writing(io: IoContext, image_id: str, patience: Patience) -> Image:
    """The image, locked. Raises ImageBusy, which names the lock's owner."""
    image = Image(io, image_id, cookie=uuid.uuid4().hex)
    await image.start(patience)
    try:
        await finish(io, image)
    except BaseException:
        await image.close()
        raise
    return image


@contextlib.asynccontextmanager
async def writing(io: IoContext, image_id: str, patience: Patience) -> AsyncIterator[Image]:
    """An image that nobody else writes meanwhile. Raises ImageBusy."""
    image = await open_for_writing(io, image_id, patience)
    try:
        yield image
    finally:
        await image.close()


async def finish(io: IoContext, image: Image) -> None:
    """End what the header says was begun; the lock is held."""
    match image.view.header.unfinished:
        case Trim():
            await _trim(io, image)
        case Rollback(snapshot=number):
            await _roll_back(io, image, number)


async def objects(io: IoContext, image: Image) -> list[int]:
    """The pieces that have an object, in order."""
    return [index_of(name) for name in await io.list(image.view.layer.prefix)]


async def _trim(io: IoContext, image: Image) -> None:
    """Cut off what lies beyond the end. Pieces that are still the parent's get an object that hides it."""
    view = image.view
    kept, start = divmod(view.size, view.object_size)
    inherited = object_count(view.header.overlap, view.object_size)
    beyond = {index for index in await objects(io, image) if index >= kept}
    beyond.update(range(kept, inherited if view.layer.parent else 0))
    await for_each(sorted(beyond), lambda index: view.cut(index, start if index == kept else 0))

    def decide(header: Header) -> Header:
        if header.unfinished != Trim():
            return header
        return replace(header, unfinished=None, overlap=min(header.overlap, header.size))

    await image_store.update(io, view.header.id, decide)
    await image.look()


async def _roll_back(io: IoContext, image: Image, number: int) -> None:
    """Make each object what it was. One that was missing then and is there now had nothing to inherit either."""
    view = image.view
    snapshot = view.header.snapshot_by_id(number)

    async def restore(index: int) -> None:
        name = view.layer.object_name(index)
        try:
            then = (await io.read(name, 0, view.object_size, snap=number)).data
        except ObjectNotFound:
            await io.truncate(name, 0, snaps=view.snaps)
            return
        now = (await io.read(name, 0, view.object_size)).data
        if now != then:
            await io.write_full(name, bytes(then), snaps=view.snaps)

    await for_each(await objects(io, image), restore)

    def decide(header: Header) -> Header:
        if header.unfinished != Rollback(number):
            return header
        return replace(header, unfinished=None, size=snapshot.size, overlap=min(header.overlap, snapshot.size))

    await image_store.update(io, view.header.id, decide)
    await image.look()
