"""The images that are exported: opened with the first connection, shared by all, closed with the last."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from storage.client.image import Image
from storage.client.images import Images
from storage.errors import ImageNotFound


@dataclass
class OpenExport:
    """An image that clients have open."""

    image: Image
    users: int = 0


class Exports:
    """`name` or `name@snapshot`; snapshots, and all images with `read_only`, can't be written."""

    def __init__(self, images: Images, *, read_only: bool = False, only: str = "") -> None:
        self._images, self._read_only, self._only = images, read_only, only
        self._open: dict[str, OpenExport] = {}
        self._turn = asyncio.Lock()

    async def names(self) -> list[str]:
        """What a client may ask for."""
        return [self._only] if self._only else await self._images.list()

    async def open(self, name: str) -> Image:
        """Raises ImageNotFound, ImageBusy. The empty name is the only export there is."""
        name = name or self._only
        if self._only and name != self._only:
            raise ImageNotFound(f"only {self._only} is exported here")
        async with self._turn:
            found = self._open.get(name)
            if found is None:
                image, _, snapshot = name.partition("@")
                opened = await self._images.open(image, snapshot=snapshot or None, read_only=self._read_only)
                found = self._open[name] = OpenExport(opened)
            found.users += 1
            return found.image

    async def close(self, image: Image) -> None:
        """A connection needs it no more."""
        async with self._turn:
            for name, found in list(self._open.items()):
                if found.image is image:
                    found.users -= 1
                    if not found.users:
                        del self._open[name]
                        await image.close()
