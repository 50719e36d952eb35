"""Names of images. `rbd_id.<name>` says which image is called so, and the image's header must say the same.

So a name object that was left behind by a client's death shows nothing, and whoever wants the name clears it away.
"""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

import msgspec

from storage.client import image_store
from storage.client.image_header import Header
from storage.client.io_context import IoContext
from storage.client.striping import for_each
from storage.errors import ImageNotFound, ObjectNotFound

_PREFIX: Final = "rbd_id."


class NameRecord(msgspec.Struct, frozen=True):
    """What a name object holds. `removing`: the image is being removed, or never came to be; nobody may have it."""

    id: str
    removing: bool = False


class Found(NamedTuple):
    """A name object's record and version."""

    record: NameRecord
    version: int


_decode = msgspec.json.Decoder(NameRecord).decode
encode_name = msgspec.json.Encoder().encode


def name_object(name: str) -> str:
    """The object that says which image has a name."""
    return _PREFIX + name


def new_id() -> str:
    """An id that no image has or had."""
    return secrets.token_hex(8)


async def look_up(io: IoContext, name: str) -> Found | None:
    """The record of a name, whatever it is worth."""
    try:
        found = await io.read(name_object(name), 0, image_store.WHOLE)
    except ObjectNotFound:
        return None
    return Found(_decode(found.data), found.version)


async def resolve(io: IoContext, name: str, *, filling: bool = False) -> Header:
    """The header of the image of a name; with `filling`, also of one that is being imported. Raises ImageNotFound."""
    found = await look_up(io, name)
    header = None if found is None else await image_store.find(io, found.record.id)
    if header is None or not is_called(header, name) or (header.state == "filling" and not filling):
        raise ImageNotFound(f"there is no image {name}")
    return header


def is_called(header: Header, name: str) -> bool:
    """Whether the header agrees that its image has this name."""
    return header.name == name and header.state != "removing"


async def names(io: IoContext) -> list[str]:
    """The names of all images, sorted."""
    seen: list[str] = []

    async def check(entry: str) -> None:
        name = entry.removeprefix(_PREFIX)
        try:
            await resolve(io, name)
        except ImageNotFound:
            return
        seen.append(name)

    await for_each(await io.list(_PREFIX), check)
    return sorted(seen)
