"""What the volume service asks of the image service: facts and new images in the user's name, bytes in its own."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import urllib3

from services.platform.faults import BadRequest, Fault, NotFound, Unavailable, fault_for_status
from services.platform.image_data import ImageGone, fill
from services.platform.outgoing import http_pool
from services.platform.service_token import ServiceToken

_ID: Final = re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")

#: How much is fetched or sent at a time, bytes.
BLOCK: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class ImageView:
    """What of an image matters to volumes. Sizes: `size` in bytes, disk in GiB, memory in MiB."""

    id: str
    name: str | None
    status: str
    disk_format: str | None
    container_format: str | None
    size: int
    min_disk_gb: int
    min_memory_mb: int
    checksum: str | None
    properties: Mapping[str, str]

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> ImageView:
        own = {key: value for key, value in body.items() if isinstance(value, str) and key not in _PLAIN}
        return cls(
            body["id"], body.get("name"), body["status"], body.get("disk_format"), body.get("container_format"),
            body.get("size") or 0, body.get("min_disk") or 0, body.get("min_ram") or 0, body.get("checksum"), own,
        )  # fmt: skip


#: The image's own attributes; all others are properties that a volume takes over.
_PLAIN: Final = frozenset({
    "id", "name", "status", "disk_format", "container_format", "size", "min_disk", "min_ram", "checksum", "visibility",
    "owner", "created_at", "updated_at", "file", "schema", "self", "os_hash_algo", "os_hash_value", "direct_url",
    "os_hidden", "protected", "tags", "virtual_size", "locations", "stores", "owner_specified.openstack.md5",
    "owner_specified.openstack.sha256", "owner_specified.openstack.object",
})  # fmt: skip


class ImageData(Protocol):
    """Bytes of images, as the work on volumes needs them."""

    def show(self, image_id: str) -> ImageView | None:
        """None where there is none (any more)."""
        ...

    def download(self, image_id: str) -> Iterator[bytes]:
        """The image's bytes. Raises ImageGone, Unavailable; also where what came is not what the image says."""
        ...

    def upload(self, image_id: str, blocks: Iterator[bytes]) -> None:
        """Fill a queued image. Raises ImageGone; Unavailable also while an upload that died is not given up yet."""
        ...


class Images:
    """A client of the image service."""

    def __init__(self, image_url: str, own: ServiceToken) -> None:
        self._url = image_url.rstrip("/") + "/v2/images"
        self._own = own
        self._pool = http_pool(read_seconds=5.0)
        self._bulk = http_pool(read_seconds=60.0)

    def usable(self, image_ref: str, token: str) -> ImageView:
        """The image that a user wants a volume of. Raises BadRequest, NotFound, Unavailable."""
        if not _ID.match(image_ref):
            raise BadRequest("Invalid image identifier or unable to access requested image.")
        image = self._show(image_ref, token)
        if image is None:
            raise NotFound(f"Image {image_ref} could not be found.")
        if image.status != "active":
            raise BadRequest(f"Invalid input received: Image {image_ref} is not active.")
        return image

    def create(self, document: Mapping[str, Any], token: str) -> ImageView:
        """A queued image in the name of the token's bearer; found again where its id is there already."""
        headers = {"X-Auth-Token": token, "Content-Type": "application/json"}
        answer = self._ask("POST", self._url, headers, json.dumps(document).encode())
        if answer.status == 409:
            found = self._show(str(document["id"]), token)
            if found is not None:
                return found
        if answer.status != 201:
            raise _passed_on(answer)
        return ImageView.parse(json.loads(answer.data))

    def show(self, image_id: str) -> ImageView | None:
        return self._show(image_id, self._own.get())

    def _show(self, image_id: str, token: str) -> ImageView | None:
        answer = self._ask("GET", f"{self._url}/{image_id}", {"X-Auth-Token": token})
        if answer.status in (403, 404):
            return None
        if answer.status != 200:
            self._own.forget(token)
            raise Unavailable("The image service cannot answer just now. Retry in a moment.")
        return ImageView.parse(json.loads(answer.data))

    def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> urllib3.BaseHTTPResponse:
        try:
            return self._pool.request(method, url, headers=headers, body=body)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("The image service cannot be reached. Retry in a moment.") from error

    def download(self, image_id: str) -> Iterator[bytes]:
        token = self._own.get()
        md5, length = hashlib.md5(usedforsecurity=False), 0
        try:
            answer = self._bulk.request(
                "GET", f"{self._url}/{image_id}/file", headers={"X-Auth-Token": token}, preload_content=False
            )
            if answer.status != 200:
                self._own.forget(token)
                raise _no_data(image_id, answer.status)
            expected, said = answer.headers.get("Content-MD5"), answer.headers.get("Content-Length")
            for block in answer.stream(BLOCK):
                md5.update(block)
                length += len(block)
                yield block
            answer.release_conn()
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable(f"The data of image {image_id} broke off: {error}") from error
        if (said is not None and int(said) != length) or (expected is not None and expected != md5.hexdigest()):
            raise Unavailable(f"The data of image {image_id} came damaged; it will be fetched again.")

    def upload(self, image_id: str, blocks: Iterator[bytes]) -> None:
        fill(self._bulk, self._url, image_id, self._own, blocks)


def _no_data(image_id: str, status: int) -> Exception:
    if status in (204, 403, 404):
        return ImageGone(f"Image {image_id} has no data that could be read ({status}).")
    return Unavailable(f"The image service answered {status} for the data of {image_id}.")


def _passed_on(answer: urllib3.BaseHTTPResponse) -> Fault:
    """What the image service refused, in its own words."""
    if answer.status >= 500:
        return Unavailable("The image service cannot answer just now. Retry in a moment.")
    text = re.sub(r"<[^>]*>", " ", answer.data.decode(errors="replace"))
    return fault_for_status(answer.status, " ".join(text.split())[:300])
