"""Headers in the pool: loaded, created, and changed by compare-and-swap.

Watchers of a header are told of changes that open images must know.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Final

from storage.client.image_header import Header, decode, encode
from storage.client.io_context import IoContext
from storage.errors import ImageNotFound, ObjectExists, ObjectNotFound, Unavailable, VersionMismatch

#: Longer than any header or name object.
WHOLE: Final = 4 << 20
_CONTENDED_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 0.02


def header_object(image_id: str) -> str:
    """The object that holds an image's header."""
    return f"rbd_header.{image_id}"


async def load_versioned(io: IoContext, image_id: str) -> tuple[Header, int]:
    """The header and its object's version. Raises ImageNotFound."""
    try:
        found = await io.read(header_object(image_id), 0, WHOLE)
    except ObjectNotFound:
        raise ImageNotFound(f"there is no image with the id {image_id}") from None
    return decode(found.data), found.version


async def load(io: IoContext, image_id: str) -> Header:
    """Raises ImageNotFound."""
    return (await load_versioned(io, image_id))[0]


async def find(io: IoContext, image_id: str) -> Header | None:
    """As `load`, with None for an image that is not there."""
    try:
        return await load(io, image_id)
    except ImageNotFound:
        return None


async def create(io: IoContext, header: Header) -> int:
    """Returns the version. Raises ObjectExists."""
    return await io.write_full(header_object(header.id), encode(header), expected=0)


async def update(io: IoContext, image_id: str, decide: Callable[[Header], Header]) -> Header:
    """Replace the header by what `decide` makes of it, anew whenever somebody else was faster; nothing if it is equal.

    What `decide` raises ends it. Raises ImageNotFound, and Unavailable where others are always faster.
    """
    deadline = time.monotonic() + _CONTENDED_SECONDS
    while True:
        header, version = await load_versioned(io, image_id)
        changed = decide(header)
        if changed == header:
            return header
        try:
            await io.write_full(header_object(image_id), encode(changed), expected=version)
        except (VersionMismatch, ObjectNotFound):
            if time.monotonic() > deadline:
                raise Unavailable(f"the header of image {header.name} is changed by too many at once") from None
            await pause()
        else:
            return changed


async def remove(io: IoContext, image_id: str, version: int | None = None) -> None:
    """Harmless where it is gone, or has another version than the given one."""
    await drop(io, header_object(image_id), version)


async def drop(io: IoContext, name: str, version: int | None = None) -> None:
    """Remove an object; harmless where it is gone, or has another version than the given one."""
    try:
        await io.remove(name, expected=version)
    except (ObjectNotFound, VersionMismatch):
        return


async def exclusively(io: IoContext, name: str, data: bytes, expected: int) -> int | None:
    """Write a whole object as a compare-and-swap (0: create); its version, or None where somebody else was faster."""
    try:
        return await io.write_full(name, data, expected=expected)
    except (ObjectExists, ObjectNotFound, VersionMismatch):
        return None


async def pause() -> None:
    """Let somebody else finish; of random length, so that two do not meet again and again."""
    await asyncio.sleep(random.uniform(0.2, 1) * _PAUSE_SECONDS)  # noqa: S311 - not a secret
