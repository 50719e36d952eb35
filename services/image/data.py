"""`/v2/images/{id}/file` and `/v2/images/{id}/stage`: image data in and out."""

from __future__ import annotations

import logging
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Scope

from services.image import openapi
from services.image.download import BlobResponse
from services.image.intake import Intake
from services.image.keeper import Keeper
from services.image.leases import new_blob
from services.image.lookup import find_visible
from services.image.ranges import Span, parse_range
from services.image.service import Here, Service
from services.image.store import BlobMissing, BlobWriter, StoreFull
from services.image.uploads import STAGING, UPLOAD, Purpose, Received
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Fault, Forbidden, TooLarge, Unavailable, UnsupportedMedia
from services.platform.http import no_content

log = logging.getLogger(__name__)

router = APIRouter()

_OCTETS: Final = "application/octet-stream"


def is_upload(scope: Scope) -> bool:
    """Whether a request's body is image data, which no limit of ordinary bodies should bound."""
    path: str = scope["path"]
    return scope["method"] == "PUT" and path.endswith(("/file", "/stage"))


@router.put("/v2/images/{image_id}/file", openapi_extra=openapi.DATA)
async def upload_data(image_id: str, request: Request, context: Authenticated, here: Here) -> Response:
    await _fill(here, context, request, image_id, UPLOAD)
    return no_content()


@router.put("/v2/images/{image_id}/stage", openapi_extra=openapi.DATA)
async def stage_data(image_id: str, request: Request, context: Authenticated, here: Here) -> Response:
    await _fill(here, context, request, image_id, STAGING)
    return no_content()


async def _fill(here: Service, context: Context, request: Request, image_id: str, purpose: Purpose) -> None:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _OCTETS:
        raise UnsupportedMedia(f"Image data is sent as {_OCTETS}.")
    announced = announced_size(request.headers.get("x-openstack-image-size"), request.headers.get("content-length"))
    if announced is not None and announced > here.settings.image_size_limit:
        raise TooLarge(f"The size of the data for the image exceeds {here.settings.image_size_limit} bytes.")
    blob = new_blob(image_id)
    await run_in_threadpool(here.uploads.begin, context, image_id, blob, purpose)
    writer: BlobWriter | None = None
    try:
        writer = await run_in_threadpool(here.store.create, blob)
        received = await _receive(here, request, image_id, blob, writer, announced)
        await run_in_threadpool(here.uploads.finish, image_id, blob, received, purpose)
    except Exception as error:
        await run_in_threadpool(_give_up, here, image_id, blob, writer)
        if isinstance(error, BlobMissing):  # the sweep of some replica was quicker than we
            raise await run_in_threadpool(here.uploads.why_lost, image_id) from error
        raise _fault_of(error, image_id) from error
    except BaseException:
        _give_up(here, image_id, blob, writer)  # the server stops, and nothing that is awaited would still be done
        raise


def announced_size(own_header: str | None, content_length: str | None) -> int | None:
    """How many bytes the client says will come, where it says so. Raises BadRequest."""
    sizes = set()
    for value in (own_header, content_length):
        if value is not None:
            if not (value.isascii() and value.isdigit() and len(value) < 20):
                raise BadRequest(f"'{value}' is not a size in bytes.")
            sizes.add(int(value))
    if len(sizes) > 1:
        raise BadRequest("X-OpenStack-Image-Size and Content-Length differ.")
    return sizes.pop() if sizes else None


async def _receive(
    here: Service, request: Request, image_id: str, blob: str, writer: BlobWriter, announced: int | None
) -> Received:
    intake = Intake(writer, here.threads, size_limit=here.settings.image_size_limit, announced=announced)
    async with Keeper(here, image_id, blob, intake.progress):
        received = await intake.take(request.stream())
        await run_in_threadpool(writer.commit)
    return received


def _give_up(here: Service, image_id: str, blob: str, writer: BlobWriter | None) -> None:
    """Put the image back. Where even that fails, the lease ends by itself and the sweep removes the data."""
    try:
        if writer is not None:
            writer.abort()
        if here.uploads.release(image_id, blob) and writer is not None:
            here.store.delete(blob)
    except (Fault, OSError) as error:
        log.warning("the upload to image %s ended badly and is left to the sweep: %s", image_id, error)


def _fault_of(error: Exception, image_id: str) -> Exception:
    if isinstance(error, ClientDisconnect):
        log.info("the client that was uploading image %s is gone", image_id)
        return BadRequest("The upload was not finished.")
    if isinstance(error, StoreFull):
        return TooLarge("Image storage media is full: there is not enough space for the image.")
    return error


@router.get("/v2/images/{image_id}/file")
def download_data(image_id: str, request: Request, context: Authenticated, here: Here) -> Response:
    context.require_writer()

    def work(session: Session) -> tuple[str | None, str | None]:
        image = find_visible(session, context, image_id)
        if image.status == "deactivated" and not context.is_admin:
            raise Forbidden("The requested image has been deactivated. Image data download is forbidden.")
        return image.location, image.checksum

    location, checksum = here.read(work)
    if location is None:
        return no_content()
    try:
        reader = here.store.open(location)
    except BlobMissing:
        here.read(work)  # it was deleted after its row was read: data goes after the row, never before
        raise Unavailable("The image's data has not come to this region yet. Retry in a moment.") from None
    try:
        span = parse_range(request.headers.get("range"), reader.size)
    except Fault:
        reader.close()
        raise
    headers = {"Content-MD5": checksum or ""}
    if span is None:
        return BlobResponse(200, reader, Span(0, reader.size), here.threads, headers)
    headers = {"Content-Range": span.content_range(reader.size)}
    return BlobResponse(206, reader, span, here.threads, headers)
