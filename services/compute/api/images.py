"""What compute asks of the image service, in the name of the user who asks compute."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import urllib3

from services.platform.faults import BadRequest, Fault, Unavailable, fault_for_status
from services.platform.outgoing import http_pool

_ID = re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")
_NO_ANSWER = "The image service cannot answer just now. Retry in a moment."

#: What an image of a server does not take over from the image that the server was made of: attributes that are its
#: own, and what only described the other's data.
_NOT_INHERITED = frozenset({
    "id", "name", "status", "disk_format", "container_format", "size", "min_disk", "min_ram", "checksum", "visibility",
    "owner", "created_at", "updated_at", "file", "schema", "self", "os_hash_algo", "os_hash_value", "direct_url",
    "os_hidden", "protected", "tags", "virtual_size", "locations", "stores",
    "cache_in_nova", "bittorrent", "img_signature", "img_signature_hash_method", "img_signature_key_type",
    "img_signature_certificate_uuid", "owner_specified.openstack.md5", "owner_specified.openstack.sha256",
    "owner_specified.openstack.object",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImageView:
    """What of an image matters to compute. Sizes: memory in MiB, disk in GiB."""

    id: str
    status: str
    min_memory_mb: int
    min_disk_gb: int


def inherited(base: Mapping[str, Any]) -> dict[str, str]:
    """What an image of a server takes over from the one that the server was made of."""
    return {name: value for name, value in base.items() if isinstance(value, str) and name not in _NOT_INHERITED}


class Images:
    """A client of the image service."""

    def __init__(self, image_url: str) -> None:
        self._url = image_url.rstrip("/") + "/v2/images"
        self._pool = http_pool(read_seconds=5.0)

    def usable(self, image_ref: str, token: str) -> ImageView:
        """The image to boot from. Raises BadRequest where it cannot be used, Unavailable where nobody can say."""
        if not _ID.match(image_ref):
            raise BadRequest("Invalid imageRef provided.")
        body = self.document(image_ref, token)
        if not body:
            raise BadRequest(f"Image {image_ref} could not be found.")
        image = ImageView(body["id"], body["status"], body.get("min_ram") or 0, body.get("min_disk") or 0)
        if image.status != "active":
            raise BadRequest(f"Image {image_ref} is not active.")
        return image

    def document(self, image_id: str, token: str) -> dict[str, Any]:
        """All that the image says of itself; nothing where there is none (any more). Raises Unavailable."""
        answer = self._ask("GET", f"{self._url}/{quote(image_id, safe='')}", token)
        if answer.status in (403, 404):
            return {}
        if answer.status != 200:
            raise Unavailable(_NO_ANSWER)
        return dict(json.loads(answer.data))

    def create(self, document: Mapping[str, Any], token: str) -> None:
        """Make a queued image that has an id already, in the name of the token's bearer; once, however often asked.

        Raises Unavailable, and what the image service refuses.
        """
        answer = self._ask("POST", self._url, token, json.dumps(document).encode())
        if answer.status == 201 or (answer.status == 409 and self.document(document["id"], token)):
            return
        raise _refusal(answer)

    def delete(self, image_id: str, token: str) -> None:
        """Raises NotFound, Forbidden, Unavailable."""
        answer = self._ask("DELETE", f"{self._url}/{quote(image_id, safe='')}", token)
        if answer.status != 204:
            raise _refusal(answer)

    def _ask(self, method: str, url: str, token: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        headers = {"X-Auth-Token": token, "Content-Type": "application/json"}
        try:
            return self._pool.request(method, url, headers=headers, body=body)
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("The image service cannot be reached. Retry in a moment.") from error


def _refusal(answer: urllib3.BaseHTTPResponse) -> Fault:
    """What the image service refused, in its own words."""
    if answer.status >= 500:
        return Unavailable(_NO_ANSWER)
    text = re.sub(r"<[^>]*>", " ", answer.data.decode(errors="replace"))
    return fault_for_status(answer.status, " ".join(text.split())[:300])
