"""Growing and shrinking images."""

from __future__ import annotations

from msgspec.structs import replace

from storage.client import image_lock, image_store
from storage.client.image_header import Header, Trim, check_size
from storage.client.image_lock import Patience
from storage.client.image_names import resolve
from storage.client.image_open import finish, writing
from storage.client.io_context import IoContext


async def resize(io: IoContext, name: str, size: int, patience: Patience) -> None:
    """Grow an image, also while it is in use; or shrink one. Raises ImageBusy for shrinking one that is in use."""
    check_size(size)
    header = await resolve(io, name)
    if header.unfinished is None and size >= header.size:
        header = await image_store.update(io, header.id, lambda header: _grown(header, size))
        if header.size == size:
            await image_lock.tell(io, header.id, patience)
            return
    async with writing(io, header.id, patience) as image:
        await image_store.update(io, header.id, lambda header: _resized(header, size))
        await image.look()
        await finish(io, image)


def _grown(header: Header, size: int) -> Header:
    if header.unfinished is not None or size < header.size:
        return header
    return replace(header, size=size)


def _resized(header: Header, size: int) -> Header:
    return replace(header, size=size, unfinished=Trim() if size < header.size else None)
