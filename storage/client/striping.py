"""How an image lies on objects: piece after piece of equal size, as in RBD without fancy striping. Pure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, NamedTuple, TypeVar

Item = TypeVar("Item")
Buffer = bytes | bytearray | memoryview

#: How many objects one verb or request works on at once.
AT_ONCE: Final = 16
_ZEROS: Final = bytes(1 << 16)


class Piece(NamedTuple):
    """The part of a range of an image that lies in one object."""

    number: int
    start: int
    length: int


def pieces(offset: int, length: int, object_size: int) -> Iterator[Piece]:
    """The pieces of a range, in order."""
    end = offset + length
    while offset < end:
        index, start = divmod(offset, object_size)
        count = min(object_size - start, end - offset)
        yield Piece(index, start, count)
        offset += count


def object_count(size: int, object_size: int) -> int:
    """How many objects an image of this size may have."""
    return -(-size // object_size)


def data_prefix(image_id: str) -> str:
    """What the names of all data objects of an image begin with."""
    return f"rbd_data.{image_id}."


def index_of(name: str) -> int:
    """Which piece a data object holds."""
    return int(name.rpartition(".")[2], 16)


def is_zero(data: Buffer) -> bool:
    """Whether all bytes are zeros."""
    view = memoryview(data)
    return all(
        view[start : start + len(_ZEROS)] == _ZEROS[: len(view) - start] for start in range(0, len(view), len(_ZEROS))
    )


async def for_each(items: Sequence[Item], work: Callable[[Item], Awaitable[object]]) -> None:
    """Do the work for all items, `AT_ONCE` at a time.

    The first error ends it, raised when nothing is under way any more.
    """
    left = deque(items)

    async def take() -> None:
        try:
            while left:
                await work(left.popleft())
        except BaseException:
            left.clear()
            raise

    if len(items) == 1:
        await take()
        return
    ends = await asyncio.gather(*(take() for _ in range(min(AT_ONCE, len(items)))), return_exceptions=True)
    for end in ends:
        if end is not None:
            raise end
