"""Filling images of the image service (Glance v2) in a service's own name: what compute and volume do alike."""

from __future__ import annotations

from collections.abc import Iterator

import urllib3

from services.platform.faults import Unavailable
from services.platform.service_token import ServiceToken

SEND_SECONDS, ANSWER_SECONDS = 20.0, 60.0
"""For how long the other side may take no more of the data, and how long it may take to answer once it has them.

urllib3 has one time-out for connecting and for sending. The half second that is right for the one ends an upload where
a disk that is written to pauses, and then again at the next attempt: a gibibyte is never over.
"""


class ImageGone(Exception):
    """The image cannot be read or filled any more; trying again would not help."""


def fill(
    pool: urllib3.PoolManager,
    images_url: str,
    image_id: str,
    own: ServiceToken,
    blocks: Iterator[bytes],
    size: int | None = None,
) -> None:
    """Fill a queued image with `blocks` (`size` bytes in all, where that is known).

    `images_url` has no slash at its end. Raises ImageGone; Unavailable where it is worth to try again.
    """
    token = own.get()
    headers = {"X-Auth-Token": token, "Content-Type": "application/octet-stream"}
    if size is not None:
        headers["X-OpenStack-Image-Size"] = str(size)
    patience = urllib3.Timeout(connect=SEND_SECONDS, read=ANSWER_SECONDS)
    try:
        answer = pool.request(
            "PUT", f"{images_url}/{image_id}/file", headers=headers, body=blocks, retries=False, timeout=patience
        )
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"The upload of image {image_id} broke off: {error}") from error
    if answer.status in (404, 410, 413):
        raise ImageGone(f"Image {image_id} cannot be filled: the image service answered {answer.status}.")
    if answer.status != 204:
        own.forget(token)
        raise Unavailable(f"Image {image_id} cannot be filled just now: {answer.status}.")
