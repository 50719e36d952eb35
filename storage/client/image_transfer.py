"""Images to and from raw files, as `rbd export` and `rbd import` do it: what is zero takes no space on either side."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from storage.client import image_store
from storage.client.image_creation import create
from storage.client.image_header import Header
from storage.client.image_lock import Patience
from storage.client.image_names import resolve
from storage.client.image_open import open_for_reading, open_for_writing
from storage.client.image_removal import remove
from storage.client.io_context import IoContext
from storage.client.striping import Buffer, Piece, for_each, is_zero, pieces
from storage.errors import BadRequest, ImageNotFound

#: Zeros are found in steps of this many bytes.
_GRAIN: Final = 64 << 10


def data_runs(data: Buffer) -> Iterator[tuple[int, memoryview]]:
    """The parts of `data` that are not zero, with their places, in steps of 64 KiB."""
    view = memoryview(data)
    start = None
    for at in range(0, len(view), _GRAIN):
        if is_zero(view[at : at + _GRAIN]):
            if start is not None:
                yield start, view[start:at]
            start = None
        elif start is None:
            start = at
    if start is not None:
        yield start, view[start:]


async def export_image(io: IoContext, name: str, path: Path, patience: Patience, snapshot: str | None = None) -> None:
    """Write the image, or one of its snapshots, to a sparse file that appears when it is whole."""
    part = path.with_name(f"{path.name}.part")
    image = await open_for_reading(io, await resolve(io, name), snapshot, patience)
    try:
        with part.open("wb") as file:
            file.truncate(image.size)

            async def copy(piece: Piece) -> None:
                offset = piece.number * image.object_size
                for at, run in data_runs(await image.read(offset, piece.length)):
                    await asyncio.to_thread(_write_at, file.fileno(), run, offset + at)

            await for_each(list(pieces(0, image.size, image.object_size)), copy)
            await asyncio.to_thread(os.fsync, file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
        await image.close()


def _write_at(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        count = os.pwrite(descriptor, data, offset)
        data, offset = data[count:], offset + count


async def import_image(io: IoContext, path: Path, name: str, order: int, patience: Patience) -> None:
    """Create an image of a file's bytes; it is not seen before it is whole. Raises ImageExists.

    What an importer that died left behind is removed first; ImageBusy while it lives.
    """
    try:
        if (await resolve(io, name, filling=True)).state == "filling":
            await remove(io, name, patience, filling=True)
    except ImageNotFound:
        pass
    with path.open("rb") as file:
        draft = Header(id="", name=name, size=file.seek(0, os.SEEK_END), order=order, state="filling")
        header = await create(io, draft)
        image = await open_for_writing(io, header.id, patience)
        try:

            async def copy(piece: Piece) -> None:
                offset = piece.number * image.object_size
                data = await asyncio.to_thread(os.pread, file.fileno(), piece.length, offset)
                if len(data) != piece.length:
                    raise BadRequest(f"{path} became shorter while it was read")
                for at, run in data_runs(data):
                    await image.write(offset + at, run)

            await for_each(list(pieces(0, image.size, image.object_size)), copy)
            await image_store.update(io, header.id, lambda header: replace(header, state="live"))
        finally:
            await image.close()
