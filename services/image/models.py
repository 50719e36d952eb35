"""The image database.

An image's row is removed when the image is deleted; what stays for a while is a `Tombstone`, so that the repetition of
the deleting request is told the same as the request itself, and the id is not used again at once.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Index, String
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.platform.database import Versioned
from services.platform.times import utcnow
from services.platform.units import COMMITTED

Moment = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
#: Ids and text that people chose: compared exactly, as OpenStack's clients expect, on every engine.
Id = String(36).with_variant(mysql.VARCHAR(36, collation="utf8mb4_nopad_bin"), "mysql", "mariadb")
Exact = String(255).with_variant(mysql.VARCHAR(255, collation="utf8mb4_nopad_bin"), "mysql", "mariadb")


class Base(DeclarativeBase):
    type_annotation_map = {datetime: Moment, dict[str, str | None]: JSON}


COMMITTED.to_metadata(Base.metadata)


class Image(Versioned, Base):
    """One image. It is `active` only once `location` names data that is safely in the store."""

    __tablename__ = "images"
    __table_args__ = (Index("ix_images_created", "created_at", "id"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str | None] = mapped_column(Exact)
    owner: Mapped[str | None] = mapped_column(Exact, index=True)
    status: Mapped[str] = mapped_column(String(16), default="queued")
    visibility: Mapped[str] = mapped_column(String(16), default="shared")
    protected: Mapped[bool] = mapped_column(default=False)
    os_hidden: Mapped[bool] = mapped_column(default=False)
    disk_format: Mapped[str | None] = mapped_column(String(16))
    container_format: Mapped[str | None] = mapped_column(String(16))
    min_disk: Mapped[int] = mapped_column(default=0)
    min_ram: Mapped[int] = mapped_column(default=0)
    size: Mapped[int | None] = mapped_column(BigInteger)
    virtual_size: Mapped[int | None] = mapped_column(BigInteger)
    checksum: Mapped[str | None] = mapped_column(String(32))
    os_hash_algo: Mapped[str | None] = mapped_column(String(16))
    os_hash_value: Mapped[str | None] = mapped_column(String(128))
    properties: Mapped[dict[str, str | None]] = mapped_column(default=dict)
    #: The blob that holds the data.
    location: Mapped[str | None] = mapped_column(String(80))
    #: The blob that was staged and waits for its import.
    staged: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)
    #: The requests that created it and that changed it, or its members, last. The load balancer may repeat both.
    request_key: Mapped[str] = mapped_column(String(36))
    changed_by: Mapped[str | None] = mapped_column(String(36))

    tags: Mapped[list[Tag]] = relationship(
        lazy="selectin", order_by="Tag.value", cascade="all, delete-orphan", passive_deletes=True
    )


class Tag(Base):
    __tablename__ = "image_tags"

    image_id: Mapped[str] = mapped_column(Id, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True)
    value: Mapped[str] = mapped_column(Exact, primary_key=True, index=True)


class Member(Versioned, Base):
    """A project with which an image of visibility `shared` is shared."""

    __tablename__ = "image_members"

    image_id: Mapped[str] = mapped_column(Id, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[str] = mapped_column(Exact, primary_key=True, index=True)
    status: Mapped[str] = mapped_column(String(16), default="pending")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(default=utcnow)


class Upload(Base):
    """The one upload that may fill an image: its lease is renewed while data arrives (see `leases`)."""

    __tablename__ = "image_uploads"

    image_id: Mapped[str] = mapped_column(Id, ForeignKey("images.id", ondelete="CASCADE"), primary_key=True)
    #: The name that the data will have in the store; unique to this attempt.
    blob: Mapped[str] = mapped_column(String(80), unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)


class Tombstone(Base):
    """An image that was deleted not long ago, and by which request."""

    __tablename__ = "image_tombstones"

    image_id: Mapped[str] = mapped_column(Id, primary_key=True)
    request_key: Mapped[str] = mapped_column(String(36))
    deleted_at: Mapped[datetime] = mapped_column(default=utcnow, index=True)
