"""What every router needs, put together once in `app`."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.image.rendering import Documents
from services.image.settings import ImageSettings
from services.image.store import BlobStore
from services.image.uploads import Uploads
from services.platform.database import Transactor
from services.platform.faults import Conflict

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Service:
    """One replica's parts. `threads` are for image data only, so that transfers never hold up other requests."""

    settings: ImageSettings
    transactor: Transactor
    store: BlobStore
    uploads: Uploads
    threads: Executor
    documents: Documents

    def write(self, work: Callable[[Session], T]) -> T:
        """As `Transactor.write`, for work that looks before it inserts: where another replica inserted the same key
        in between, the second look finds it."""
        try:
            return self.transactor.write(work)
        except IntegrityError:
            pass
        try:
            return self.transactor.write(work)
        except IntegrityError:
            raise Conflict("Another request is creating the same just now.") from None

    def read(self, work: Callable[[Session], T]) -> T:
        return self.transactor.read(work)


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


Here = Annotated[Service, Depends(_service)]
