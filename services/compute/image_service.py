"""What compute asks of the image service (Glance v2) in its own name: bytes of images in and out.

What a user may see of images, and whose a new one is, is asked in the user's name (`api.images`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import urllib3

from services.compute.settings import ComputeSettings
from services.platform.faults import Unavailable
from services.platform.image_data import ImageGone, fill
from services.platform.outgoing import http_pool
from services.platform.service_token import ServiceToken

#: How much is fetched or sent at a time, bytes.
BLOCK: Final = 1 << 20
_AWAY: Final = "The image service cannot be reached. Retry in a moment."


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What of an image matters to a host. Size in bytes; digests in hexadecimal, None where there is none."""

    id: str
    status: str
    size: int | None = None
    md5: str | None = None
    digest_name: str | None = None
    digest: str | None = None


class ImageService(Protocol):
    """Every method raises Unavailable where it is worth to try again."""

    def show(self, image_id: str) -> ImageFacts | None:
        """None where there is none (any more)."""
        ...

    def download(self, image_id: str) -> Iterator[bytes]:
        """The image's bytes. Raises ImageGone where it has none."""
        ...

    def upload(self, image_id: str, size: int, blocks: Iterator[bytes]) -> None:
        """Fill a queued image. Raises ImageGone; Unavailable also while an upload that died is not given up yet."""
        ...

    def remove(self, image_id: str) -> None:
        """The image is to go. Nothing to do where there is none."""
        ...


class Images:
    """A client of the image service."""

    def __init__(self, image_url: str, own: ServiceToken) -> None:
        self._url = image_url.rstrip("/") + "/v2/images"
        self._own = own
        self._pool = http_pool(read_seconds=5.0)
        self._bulk = http_pool(read_seconds=60.0)

    def show(self, image_id: str) -> ImageFacts | None:
        answer = self._ask("GET", image_id)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise self._not_now(answer.status)
        return _facts(json.loads(answer.data))

    def remove(self, image_id: str) -> None:
        answer = self._ask("DELETE", image_id)
        # 403: its owner has protected it, so it is wanted after all.
        if answer.status not in (204, 403, 404):
            raise self._not_now(answer.status)

    def download(self, image_id: str) -> Iterator[bytes]:
        try:
            headers = {"X-Auth-Token": self._own.get()}
            answer = self._bulk.request("GET", f"{self._url}/{image_id}/file", headers=headers, preload_content=False)
            if answer.status in (204, 404):
                raise ImageGone(f"Image {image_id} has no data that could be read ({answer.status}).")
            if answer.status != 200:
                raise self._not_now(answer.status)
            yield from answer.stream(BLOCK)
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The data of image {image_id} broke off: {error}") from error

    def upload(self, image_id: str, size: int, blocks: Iterator[bytes]) -> None:
        fill(self._bulk, self._url, image_id, self._own, blocks, size)

    def _ask(self, method: str, image_id: str) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(method, f"{self._url}/{image_id}", headers={"X-Auth-Token": self._own.get()})
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(_AWAY) from error

    def _not_now(self, status: int) -> Unavailable:
        if status == 401:
            self._own.forget(self._own.get())
        return Unavailable(f"The image service cannot do it just now ({status}). Retry in a moment.")


def image_client(settings: ComputeSettings) -> Images:
    """The image service as a process of compute sees it."""
    own = ServiceToken(settings.identity_url, settings.service_user, settings.service_password)
    return Images(settings.image_url, own)


def _facts(body: Mapping[str, Any]) -> ImageFacts:
    return ImageFacts(
        body["id"], body["status"], body.get("size"), body.get("checksum"), body.get("os_hash_algo"),
        body.get("os_hash_value"),
    )  # fmt: skip
