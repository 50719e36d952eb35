"""Removing images, and clearing away what dead clients left under a name.

The order lets every death in between be finished: the header is marked, then the name, the objects go, the header, and
the name last. A creation that was overtaken meanwhile finds its name marked and takes its header back.
"""

from __future__ import annotations

import asyncio
from typing import Final

from msgspec.structs import replace

from storage.client import image_lock, image_store
from storage.client.image_header import Child, Header, encode
from storage.client.image_lock import Patience
from storage.client.image_names import Found, NameRecord, encode_name, is_called, look_up, name_object
from storage.client.io_context import IoContext
from storage.client.striping import data_prefix, for_each
from storage.errors import ImageBusy, ImageExists, ImageNotFound

#: How often, and how long in between, a creation that may be under way is looked at before it is given up for dead.
_LOOKS: Final = 5
_BETWEEN_SECONDS: Final = 0.05


async def remove(io: IoContext, name: str, patience: Patience, *, filling: bool = False) -> None:
    """Remove an image, or finish that; with `filling`, a half-done import. Raises ImageNotFound, ImageBusy."""
    found = await look_up(io, name)
    if found is None:
        raise ImageNotFound(f"there is no image {name}")
    header = await image_store.find(io, found.record.id)
    if header is not None and is_called(header, name):
        if header.state == "filling" and not filling:
            raise ImageNotFound(f"there is no image {name}")
        await _mark(io, header, patience)
        await _finish(io, name, found)
    elif found.record.removing or (header is not None and header.state == "removing"):
        await _finish(io, name, found)
    else:
        raise ImageNotFound(f"there is no image {name}")


async def _mark(io: IoContext, header: Header, patience: Patience) -> None:
    """Let nobody see, open or snapshot the image any more."""

    def decide(header: Header) -> Header:
        if header.visible:
            raise ImageBusy(f"image {header.name} has snapshots")
        return header if header.lock else replace(header, state="removing")

    if header.visible:
        raise ImageBusy(f"image {header.name} has snapshots")
    while True:
        header = await image_store.update(io, header.id, decide)
        if header.state == "removing":
            return
        await image_lock.clear(io, header, patience)


async def _finish(io: IoContext, name: str, found: Found) -> None:
    version: int | None = found.version
    if not found.record.removing:
        marked = encode_name(NameRecord(found.record.id, removing=True))
        version = await image_store.exclusively(io, name_object(name), marked, found.version)
    if version is None:
        return  # somebody else is finishing it
    header = await image_store.find(io, found.record.id)
    if header is not None:
        await _remove_objects(io, header)
        if header.parent is not None:
            await disown(io, header.parent.image, Child(header.parent.snapshot, header.id))
        await image_store.remove(io, header.id)
    await image_store.drop(io, name_object(name), version)


async def _remove_objects(io: IoContext, header: Header) -> None:
    async def remove(name: str) -> None:
        for snapshot in header.snapshots:
            await io.trim_snap(name, snapshot.id)
        await image_store.drop(io, name)

    await for_each(await io.list(data_prefix(header.id)), remove)


async def disown(io: IoContext, parent: str, child: Child) -> None:
    """Take a clone off its parent's list; harmless twice."""

    def decide(header: Header) -> Header:
        return replace(header, children=tuple(one for one in header.children if one != child))

    try:
        await image_store.update(io, parent, decide)
    except ImageNotFound:
        return


async def give_way(io: IoContext, name: str) -> None:
    """Clear away what a dead client left under a name. Raises ImageExists where an image has it."""
    for look in range(_LOOKS):
        found = await look_up(io, name)
        if found is None:
            return
        header = await image_store.find(io, found.record.id)
        if header is not None or found.record.removing:
            break
        if look:
            await asyncio.sleep(_BETWEEN_SECONDS)
    assert found is not None
    if header is None and not found.record.removing:
        # Whoever wanted to create this image finds its header taken, and begins again.
        poison = Header(id=found.record.id, name=name, size=0, state="removing")
        await image_store.exclusively(io, image_store.header_object(poison.id), encode(poison), 0)
        header = await image_store.find(io, poison.id)
    if header is not None and is_called(header, name):
        raise ImageExists(f"there is an image {name}")
    if header is not None and header.state != "removing" and not await _forbid_renaming(io, header.id, name):
        raise ImageExists(f"there is an image {name}")
    if header is not None and header.state != "removing":
        await image_store.drop(io, name_object(name), found.version)
    else:
        await _finish(io, name, found)


async def _forbid_renaming(io: IoContext, image_id: str, name: str) -> bool:
    """An image of another name was about to be called so: it is not any more. False where it already is."""

    def decide(header: Header) -> Header:
        return replace(header, renaming=None) if header.renaming == name else header

    return not is_called(await image_store.update(io, image_id, decide), name)
