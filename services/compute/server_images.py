"""Rows of images that are being made of servers, always inside somebody's transaction.

An image is first announced here, then made at the image service, then filled. So whoever dies in between leaves a row
that says which image is to be removed: no half-made image stays, and none is made twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute.models import ServerImage

#: How long a request may take from the announcement of its image to the beginning of its task.
ANNOUNCED_FOR = timedelta(seconds=60)
#: How long after it was called off an image is looked at: by then its host knows, or has filled it. And how often.
LOOKED_AT_AFTER = timedelta(seconds=3)
SWEEP_BATCH = 50


class Purpose(StrEnum):
    """What is to become of the image."""

    ANNOUNCED = "announced"  # a request is about to make it
    WANTED = "wanted"  # the instance's task fills it
    UNWANTED = "unwanted"  # it is to be removed


def announce(session: Session, image_id: str, instance_id: str, request_id: str, now: datetime) -> None:
    """This image is about to be made. If nothing comes of it, it is removed."""
    if session.get(ServerImage, image_id) is None:
        session.add(
            ServerImage(
                id=image_id, instance_id=instance_id, purpose=Purpose.ANNOUNCED, check_at=now + ANNOUNCED_FOR,
                request_id=request_id, created_at=now,
            )
        )  # fmt: skip


def want(session: Session, image_id: str) -> bool:
    """The image is there, the instance's task will fill it. False where it took so long that it was given up."""
    row = session.get(ServerImage, image_id)
    if row is None or row.purpose != Purpose.ANNOUNCED:
        return False
    row.purpose, row.check_at = Purpose.WANTED, None
    return True


def wanted_image(session: Session, instance_id: str) -> ServerImage | None:
    """The image that is being made of the instance."""
    return session.scalar(
        select(ServerImage).where(ServerImage.instance_id == instance_id, ServerImage.purpose == Purpose.WANTED)
    )


def is_whole(session: Session, instance_id: str) -> None:
    """The instance's image has its data: there is nothing more to remember of it."""
    row = wanted_image(session, instance_id)
    if row is not None:
        session.delete(row)


def call_off(session: Session, instance_id: str, now: datetime) -> None:
    """No image will be made of the instance: what there is of it goes, unless it is whole.

    Harmless where none was to be made.
    """
    row = wanted_image(session, instance_id)
    if row is not None:
        discard(row, now)


def give_up(session: Session, image_id: str, now: datetime) -> None:
    """The request that announced the image failed."""
    row = session.get(ServerImage, image_id)
    if row is not None and row.purpose == Purpose.ANNOUNCED:
        discard(row, now)


def discard(row: ServerImage, now: datetime) -> None:
    row.purpose, row.check_at = Purpose.UNWANTED, now + LOOKED_AT_AFTER


def is_any_due(session: Session, now: datetime) -> bool:
    """Whether there is an image to be removed now."""
    return session.scalar(select(ServerImage.id).where(ServerImage.check_at <= now).limit(1)) is not None


def take_unwanted(session: Session, now: datetime) -> Sequence[str]:
    """Images to be removed now; they are not offered again for a while."""
    due = select(ServerImage).where(ServerImage.check_at <= now).order_by(ServerImage.check_at).limit(SWEEP_BATCH)
    rows = session.scalars(due).all()
    for row in rows:
        discard(row, now)
    return [row.id for row in rows]


def forget(session: Session, image_id: str) -> None:
    """The image is removed."""
    row = session.get(ServerImage, image_id)
    if row is not None and row.purpose == Purpose.UNWANTED:
        session.delete(row)
