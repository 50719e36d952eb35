"""The orders by which an image of a guest comes to be: fix what is to be copied, look for the image, fill it.

Each may be repeated. What is to be copied is remembered with the first, so that the guest is not waited for again.
"""

from __future__ import annotations

from services.compute.agent.driver import Driver, GuestMissing
from services.compute.agent.journal import Entry
from services.compute.image_service import ImageService
from services.platform.image_data import ImageGone

#: Orders by `states.ORDERS`; the last is carried out while the guest may be given others.
FILL = "upload"
ORDERS = ("snapshot", "prepare_upload", FILL)
#: An image that can still be filled, or has been.
_USABLE = frozenset({"queued", "saving", "active"})


class ImageOrders:
    """What a host does of making images."""

    def __init__(self, driver: Driver, images: ImageService) -> None:
        self._driver, self._images = driver, images

    def snapshot(self, instance_id: str, image_id: str, entry: Entry) -> dict[str, int]:
        """The sizes of all snapshots of a guest, by image, with this one's. Raises GuestMissing."""
        size = entry.snapshots.get(image_id)
        return {**entry.snapshots, image_id: self._driver.snapshot(instance_id) if size is None else size}

    def look(self, image_id: str) -> bool:
        """Whether the image has its data already. Raises ImageGone, Unavailable."""
        image = self._images.show(image_id)
        if image is None or image.status not in _USABLE:
            raise ImageGone(f"Image {image_id} was deleted before it was filled.")
        return image.status == "active"

    def fill(self, instance_id: str, image_id: str, entry: Entry | None) -> None:
        """Copy the snapshot into the image, unless that was done. Raises GuestMissing, ImageGone, Unavailable."""
        if entry is None or entry.gone or image_id not in entry.snapshots:
            raise GuestMissing(instance_id)
        if not self.look(image_id):
            size = entry.snapshots[image_id]
            self._images.upload(image_id, size, self._driver.read_disk(instance_id, size))
