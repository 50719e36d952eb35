"""What compute asks of the image service, in the name of the user who asks compute."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import urllib3

from services.platform.faults import BadRequest, Unavailable
from services.platform.outgoing import http_pool

_ID = re.compile(r"^[0-9a-fA-F]{8}-?([0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}$")


@dataclass(frozen=True, slots=True)
class ImageView:
    """What of an image matters to compute. Sizes: memory in MiB, disk in GiB."""

    id: str
    status: str
    min_memory_mb: int
    min_disk_gb: int


class Images:
    """A client of the image service."""

    def __init__(self, image_url: str) -> None:
        self._url = image_url.rstrip("/") + "/v2/images/"
        self._pool = http_pool(read_seconds=5.0)

    def usable(self, image_ref: str, token: str) -> ImageView:
        """The image to boot from. Raises BadRequest where it cannot be used, Unavailable where nobody can say."""
        if not _ID.match(image_ref):
            raise BadRequest("Invalid imageRef provided.")
        try:
            answer = self._pool.request("GET", self._url + image_ref, headers={"X-Auth-Token": token})
        except urllib3.exceptions.HTTPError as error:
            raise Unavailable("The image service cannot be reached. Retry in a moment.") from error
        if answer.status in (403, 404):
            raise BadRequest(f"Image {image_ref} could not be found.")
        if answer.status != 200:
            raise Unavailable("The image service cannot answer just now. Retry in a moment.")
        body = json.loads(answer.data)
        image = ImageView(body["id"], body["status"], body.get("min_ram") or 0, body.get("min_disk") or 0)
        if image.status != "active":
            raise BadRequest(f"Image {image_ref} is not active.")
        return image
