"""Images that came to nothing: the server was deleted meanwhile, its host died, the request was given up. They go.

An image that became whole all the same stays: somebody may have seen it, and be glad to have it now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from services.compute import server_images
from services.compute.image_service import ImageService
from services.platform.database import Transactor
from services.platform.times import utcnow

log = logging.getLogger(__name__)


#: Somebody may still be filling it. It will be whole, or queued again when that died.
_UNDECIDED = "saving"
#: It has its data.
_WHOLE = frozenset({"active", "deactivated"})


class UnwantedImages:
    """Removes them at the image service, then forgets them. Any conductor, at any time, any number of times."""

    def __init__(self, transactor: Transactor, images: ImageService, clock: Callable[[], datetime] = utcnow) -> None:
        self._transactor, self._images, self._now = transactor, images, clock

    def sweep(self) -> None:
        """Raises Unavailable; what is left then is taken up again."""
        if not self._transactor.read(lambda session: server_images.is_any_due(session, self._now())):
            return
        for image_id in self._transactor.write(lambda session: server_images.take_unwanted(session, self._now())):
            self._decide(image_id)

    def _decide(self, image_id: str) -> None:
        image = self._images.show(image_id)
        if image is not None and image.status == _UNDECIDED:
            return
        if image is not None and image.status not in _WHOLE:
            self._images.remove(image_id)
            log.info("image %s came to nothing and is removed", image_id)
        self._transactor.write(lambda session: server_images.forget(session, image_id))
