"""Creating and renaming images. A name is taken before the header exists, and what counts is both (`image_names`)."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from storage.client import image_store
from storage.client.image_header import Header, check_name, check_size
from storage.client.image_names import (
    NameRecord,
    encode_name,
    is_called,
    look_up,
    name_object,
    new_id,
)
from storage.client.image_removal import give_way
from storage.client.io_context import IoContext
from storage.errors import ImageBusy, ImageError, ImageNotFound, ObjectExists, Unavailable

_CONTENDED_SECONDS: Final = 10.0


Prepare = Callable[[str], Awaitable[object]]


async def create(io: IoContext, draft: Header, prepare: Prepare | None = None) -> Header:
    """Create an image like `draft`, with an id of its own. Raises ImageExists, and what `prepare` raises.

    `prepare` is called with the id before the image comes to be; it may be called several times with different ones.
    """
    check_name(draft.name)
    check_size(draft.size)
    deadline = time.monotonic() + _CONTENDED_SECONDS
    while time.monotonic() < deadline:
        header = replace(draft, id=new_id())
        version = await _take_name(io, header)
        if prepare is not None:
            try:
                await prepare(header.id)
            except ImageError:
                await image_store.drop(io, name_object(header.name), version)
                raise
        if await publish(io, header):
            return header
        await image_store.pause()
    raise Unavailable(f"the name {draft.name} is wanted by too many at once")


async def _take_name(io: IoContext, header: Header) -> int:
    """The version of the name's object. Raises ImageExists."""
    record = encode_name(NameRecord(header.id))
    deadline = time.monotonic() + _CONTENDED_SECONDS
    while (version := await image_store.exclusively(io, name_object(header.name), record, 0)) is None:
        if time.monotonic() > deadline:
            raise Unavailable(f"the name {header.name} is wanted by too many at once")
        await give_way(io, header.name)
    return version


async def publish(io: IoContext, header: Header) -> bool:
    """Write the header of an image whose name is taken; False where somebody held us for dead and took it away."""
    try:
        version = await image_store.create(io, header)
    except ObjectExists:
        return False
    found = await look_up(io, header.name)
    if found is not None and found.record == NameRecord(header.id):
        return True
    await image_store.remove(io, header.id, version)
    return False


async def rename(io: IoContext, name: str, new_name: str) -> None:
    """Raises ImageNotFound; ImageExists for the new name.

    The new name leads to the image before the image agrees to be called so; the old one is removed last.
    """
    check_name(new_name)
    found = await look_up(io, name)
    header = None if found is None else await image_store.find(io, found.record.id)
    if found is None or header is None or header.state != "live" or header.name not in (name, new_name):
        raise ImageNotFound(f"there is no image {name}")
    if header.name == name != new_name:
        await image_store.update(io, header.id, lambda header: replace(header, renaming=new_name))
        await _lead_to(io, new_name, header.id)
        await image_store.update(io, header.id, lambda header: _renamed(header, new_name))
    if name != new_name:
        await image_store.drop(io, name_object(name), found.version)


async def _lead_to(io: IoContext, name: str, image_id: str) -> None:
    """Let a free name lead to the image. Raises ImageExists."""
    record = encode_name(NameRecord(image_id))
    deadline = time.monotonic() + _CONTENDED_SECONDS
    while await image_store.exclusively(io, name_object(name), record, 0) is None:
        found = await look_up(io, name)
        if found is not None and found.record.id == image_id:
            # Left behind by an earlier attempt. Written anew, lest somebody is about to clear it away.
            if await image_store.exclusively(io, name_object(name), record, found.version) is not None:
                return
        else:
            await give_way(io, name)
        if time.monotonic() > deadline:
            raise Unavailable(f"the name {name} is wanted by too many at once")


def _renamed(header: Header, name: str) -> Header:
    if is_called(header, name):
        return header
    if header.renaming != name:
        raise ImageBusy(f"image {header.name} was not renamed: somebody else wanted another name for it, or this one")
    return replace(header, name=name, renaming=None)
