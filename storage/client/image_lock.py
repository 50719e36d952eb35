"""The exclusive lock of an image: whoever writes holds it, and loses it only together with the power to write.

The owner watches the header as long as it lives. Who answers a notification lives; who does not watch any more is dead
and is fenced before its lock is taken; who watches but does not answer (paused, cut off) is left to a person.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from storage.client import image_store
from storage.client.image_header import Header, Lock
from storage.client.io_context import IoContext
from storage.errors import BadRequest, ImageBusy, ImageNotFound

#: What open images are told by notifications: look at your header.
LOOK: Final = b"look"
_BETWEEN_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long others are waited for, seconds."""

    #: For one acknowledgement.
    answer: float = 1.0
    #: In all.
    total: float = 5.0


#: The cookies of the images that this process has open for writing.
_held: set[str] = set()


async def acquire(io: IoContext, image_id: str, cookie: str, patience: Patience) -> Header:
    """Take the lock; returns the header with it. Raises ImageBusy, which names the owner."""
    mine = Lock(io.client_id, cookie)
    _held.add(cookie)
    try:
        while True:
            header = await image_store.update(io, image_id, lambda header: _taken(header, mine))
            if header.lock == mine:
                return header
            await clear(io, header, patience)
    except BaseException:
        _held.discard(cookie)
        raise


def _taken(header: Header, mine: Lock) -> Header:
    if header.state == "removing":
        raise ImageNotFound(f"there is no image {header.name}")
    return header if header.lock else replace(header, lock=mine)


async def release(io: IoContext, image_id: str, cookie: str) -> None:
    """Give the lock back; harmless where it is somebody else's by now, or the image is gone."""
    _held.discard(cookie)
    mine = Lock(io.client_id, cookie)
    with contextlib.suppress(ImageNotFound):
        await image_store.update(io, image_id, lambda header: _without(header, mine))


def _without(header: Header, lock: Lock) -> Header:
    return replace(header, lock=None) if header.lock == lock else header


async def clear(io: IoContext, header: Header, patience: Patience) -> None:
    """Take the lock away from a dead owner. Raises ImageBusy where it lives, or may live."""
    lock = header.lock
    if lock is None:
        return
    if lock.owner == io.client_id:
        # An image that this very client opened: it is open still, or its closing failed half-way.
        if lock.cookie in _held:
            raise ImageBusy(f"image {header.name} is open for writing in this client ({lock.owner})")
        await release(io, header.id, lock.cookie)
    elif await _is_dead(io, header, lock, patience):
        await break_lock(io, header.id, lock)


async def _is_dead(io: IoContext, header: Header, lock: Lock, patience: Patience) -> bool:
    """Whether the owner watches no more; False where the lock is not its any more. Raises ImageBusy."""
    deadline, silent = time.monotonic() + patience.total, False
    while True:
        told = await io.notify(image_store.header_object(header.id), LOOK, patience.answer)
        now = await image_store.find(io, header.id)
        if now is None or now.lock != lock:
            return False
        if lock.owner in told.acknowledged:
            raise ImageBusy(f"image {header.name} is locked by {lock.owner}")
        silent = silent or lock.owner in told.missed
        if time.monotonic() > deadline:
            if silent:
                raise does_not_answer(header, lock)
            return True
        await asyncio.sleep(min(_BETWEEN_SECONDS, patience.total))


def does_not_answer(header: Header, lock: Lock) -> ImageBusy:
    """The error that says whom a person should look for, and what to do if it is lost."""
    return ImageBusy(
        f"{lock.owner} has the lock of image {header.name} and does not answer; "
        f"if it will not come back: quorate rbd lock break {header.name}"
    )


async def break_lock(io: IoContext, image_id: str, lock: Lock) -> None:
    """Fence the owner, so that it can write no more, then take its lock away. Raises BadRequest for one's own."""
    if lock.owner == io.client_id:
        raise BadRequest("a client does not break its own lock: close the image")
    await io.fence(lock.owner)
    await image_store.update(io, image_id, lambda header: _without(header, lock))


async def tell(io: IoContext, image_id: str, patience: Patience) -> None:
    """Let open images look at the header, as far as they answer in time."""
    await io.notify(image_store.header_object(image_id), LOOK, patience.answer)
