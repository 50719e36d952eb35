"""What the API's endpoints work with, made once in `app.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.platform.database import Transactor
from services.platform.hints import Hinter
from services.platform.tokens import TokenValidator
from services.volume import topics
from services.volume.images import Images
from services.volume.settings import VolumeSettings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ApiParts:
    """The process's connections to everything around it."""

    transactor: Transactor
    hints: Hinter
    images: Images
    tokens: TokenValidator
    settings: VolumeSettings

    def read(self, work: Callable[[Session], T]) -> T:
        return self.transactor.read(work)

    def write(self, work: Callable[[Session], T]) -> T:
        """As `Transactor.write`, for work that looks before it inserts: where another replica inserted the same key in
        between, the second look finds it."""
        try:
            return self.transactor.write(work)
        except IntegrityError:
            return self.transactor.write(work)

    def hint(self, *resource_ids: str) -> None:
        """There is work to do for these."""
        for resource_id in resource_ids:
            self.hints.send(topics.WORK, "work", resource_ids=[resource_id])


async def find_parts(request: Request) -> ApiParts:
    parts: ApiParts = request.app.state.parts
    return parts


Parts = Annotated[ApiParts, Depends(find_parts)]
