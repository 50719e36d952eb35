"""The transactions of an upload's life: begin, renew, finish, release (the rules are in `leases`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.image.leases import deadline, is_lost
from services.image.lookup import find_changeable
from services.image.models import Image, Upload
from services.image.statuses import Event, after
from services.platform.context import Context
from services.platform.database import Transactor
from services.platform.faults import BadRequest, Conflict, Fault, Gone
from services.platform.times import utcnow


@dataclass(frozen=True, slots=True)
class Received:
    """What came: its size and its digests in hexadecimal."""

    size: int
    md5: str
    sha512: str


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why data is received: what that does to the image's status at the beginning and at the end."""

    begins: Event
    ends: Event


UPLOAD = Purpose(Event.UPLOAD_BEGINS, Event.UPLOAD_ENDS)
STAGING = Purpose(Event.STAGING_BEGINS, Event.STAGING_ENDS)


class Uploads:
    """Leases on images that are being filled."""

    def __init__(self, transactor: Transactor, lease_seconds: float, clock: Callable[[], datetime] = utcnow) -> None:
        self._transactor, self._lease_seconds, self._clock = transactor, lease_seconds, clock

    def begin(self, context: Context, image_id: str, blob: str, purpose: Purpose) -> None:
        """Name `blob` as the one attempt to fill the image. Raises Conflict while another attempt is alive."""

        def work(session: Session) -> None:
            image = find_changeable(session, context, image_id)
            upload = session.get(Upload, image_id)
            if upload is not None and upload.blob == blob:
                return
            if is_lost(image.status, upload.expires_at if upload else None, self._clock()):
                put_back(session, image)
            if image.disk_format is None or image.container_format is None:
                raise BadRequest("Properties disk_format, container_format must be set prior to saving data.")
            image.status = after(image.status, purpose.begins)
            image.updated_at = self._clock()
            session.add(Upload(image_id=image_id, blob=blob, expires_at=self._new_deadline()))

        self._transactor.write(work)

    def renew(self, image_id: str, blob: str) -> bool:
        """Prolong the attempt's lease; False where the attempt is no longer the image's."""
        renewal = update(Upload).where(Upload.image_id == image_id, Upload.blob == blob)

        def work(session: Session) -> bool:
            session.execute(renewal.values(expires_at=self._new_deadline()))
            return session.scalar(select(Upload.blob).where(Upload.image_id == image_id)) == blob

        return self._transactor.write(work)

    def finish(self, image_id: str, blob: str, received: Received, purpose: Purpose) -> None:
        """The data is safely stored as `blob`: make it the image's. Raises Gone or Conflict where that is too late."""

        def work(session: Session) -> None:
            image, upload = session.get(Image, image_id), session.get(Upload, image_id)
            if image is not None and blob in (image.location, image.staged):
                return
            if image is None or upload is None or upload.blob != blob:
                raise _too_late(image_id, image)
            image.status = after(image.status, purpose.ends)
            if purpose is UPLOAD:
                image.location = blob
            else:
                image.staged = blob
            image.size, image.checksum = received.size, received.md5
            image.os_hash_algo, image.os_hash_value = "sha512", received.sha512
            image.updated_at = self._clock()
            session.delete(upload)

        self._transactor.write(work)

    def why_lost(self, image_id: str) -> Fault:
        """What to tell a client whose attempt is no longer the image's."""
        return self._transactor.read(lambda session: _too_late(image_id, session.get(Image, image_id)))

    def release(self, image_id: str, blob: str) -> bool:
        """Give the attempt up: the image is `queued` again. False where the blob became the image's data after all."""

        def work(session: Session) -> bool:
            image = session.get(Image, image_id)
            if image is None:
                return True
            if blob in (image.location, image.staged):
                return False
            upload = session.get(Upload, image_id)
            if upload is not None and upload.blob == blob:
                put_back(session, image)
            return True

        return self._transactor.write(work)

    def put_back_lost(self) -> list[str]:
        """Put every image whose upload died back to `queued`; returns their ids."""
        now = self._clock()
        lost = self._transactor.read(
            lambda session: session.scalars(select(Upload.image_id).where(Upload.expires_at <= now)).all()
        )
        return [image_id for image_id in lost if self._transactor.write(self._put_back_if_lost(image_id, now))]

    def _put_back_if_lost(self, image_id: str, now: datetime) -> Callable[[Session], bool]:
        def work(session: Session) -> bool:
            image, upload = session.get(Image, image_id), session.get(Upload, image_id)
            if image is None or upload is None or not is_lost(image.status, upload.expires_at, now):
                return False
            put_back(session, image)
            return True

        return work

    def _new_deadline(self) -> datetime:
        return deadline(self._clock(), self._lease_seconds)


def _too_late(image_id: str, image: Image | None) -> Fault:
    if image is None:
        return Gone(f"Image {image_id} was deleted while its data was being uploaded.")
    return Conflict(f"The upload to image {image_id} was silent for too long and has been given up.")


def put_back(session: Session, image: Image) -> None:
    """The attempt to fill the image has failed."""
    image.status = after(image.status, Event.DATA_LOST)
    upload = session.get(Upload, image.id)
    if upload is not None:
        session.delete(upload)
        session.flush()
