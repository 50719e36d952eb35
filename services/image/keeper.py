"""Keeps an upload's lease alive for as long as data flows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType

from starlette.concurrency import run_in_threadpool

from services.image.leases import renewal_period
from services.image.service import Service
from services.platform.faults import Unavailable

log = logging.getLogger(__name__)


class Keeper:
    """While entered, renews the lease of `blob` whenever `progress` has changed since the last time.

    A client that fell silent loses its lease; a lease that is lost already is left alone, for the end of the upload
    finds that out.
    """

    def __init__(self, service: Service, image_id: str, blob: str, progress: Callable[[], object]) -> None:
        self._service, self._image_id, self._blob, self._progress = service, image_id, blob, progress

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._keep())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()

    async def _keep(self) -> None:
        seen: object = None
        while True:
            await asyncio.sleep(renewal_period(self._service.settings.upload_lease_seconds))
            progress = self._progress()
            if progress == seen:
                log.info("no data came for image %s; its lease is not renewed", self._image_id)
                continue
            seen = progress
            try:
                if not await run_in_threadpool(self._service.uploads.renew, self._image_id, self._blob):
                    return
            except Unavailable as fault:
                log.warning("the lease on image %s could not be renewed: %s", self._image_id, fault.message)
