"""The volume database. Rows that change have a generation (`Versioned`).

What was deleted leaves its row as a tombstone: a request that comes twice does not make it anew, and what a dead
replica left in the store is known for garbage.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.platform.database import Versioned
from services.platform.times import utcnow
from services.platform.units import COMMITTED

Moment = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


class Base(DeclarativeBase):
    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, dict[str, str]: JSON}


COMMITTED.to_metadata(Base.metadata)


class Volume(Versioned, Base):
    """One volume. While its status is a working one, its row in `work` says what is to be done."""

    __tablename__ = "volumes"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    #: Lists are ordered by this: creation order, also within one microsecond.
    number: Mapped[int] = mapped_column(BigInteger, index=True)
    project_id: Mapped[str] = mapped_column(String(64), index=True)
    user_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(String(255))
    #: GiB.
    size: Mapped[int]
    status: Mapped[str] = mapped_column(String(32), index=True)
    #: What to return to when the work at hand is done.
    previous_status: Mapped[str | None] = mapped_column(String(32))
    bootable: Mapped[bool] = mapped_column(default=False)
    #: None: nobody has ever said.
    readonly: Mapped[bool | None]
    multiattach: Mapped[bool] = mapped_column(default=False)
    type_id: Mapped[str] = mapped_column(String(36), index=True)
    availability_zone: Mapped[str] = mapped_column(String(255))
    snapshot_id: Mapped[str | None] = mapped_column(String(36), index=True)
    source_volid: Mapped[str | None] = mapped_column(String(36), index=True)
    image_id: Mapped[str | None] = mapped_column(String(36))
    meta: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    #: What the volume has of the image that it was made from; None where it was made from none.
    image_meta: Mapped[dict[str, str] | None] = mapped_column(JSON(none_as_null=True))
    #: The last request that changed the status: its repetition finds its own work and changes nothing.
    changed_by: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    deleted: Mapped[bool] = mapped_column(default=False, index=True)


class Snapshot(Versioned, Base):
    __tablename__ = "snapshots"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, index=True)
    volume_id: Mapped[str] = mapped_column(String(36), index=True)
    project_id: Mapped[str] = mapped_column(String(64), index=True)
    user_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(String(255))
    #: The volume's size when it was taken, GiB.
    size: Mapped[int]
    status: Mapped[str] = mapped_column(String(32), index=True)
    type_id: Mapped[str] = mapped_column(String(36))
    meta: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    changed_by: Mapped[str | None] = mapped_column(String(64))
    #: What somebody has said of how far it is; else it follows from the status.
    progress: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]
    deleted: Mapped[bool] = mapped_column(default=False, index=True)


class Work(Versioned, Base):
    """What is to be done in the store for a volume or snapshot, and who is at it.

    It has a table of its own so that renewing a claim does not collide with changes of the volume. The row stays until
    the volume is deleted: `attempt` only grows, so a claim that was lost is recognised for ever.
    """

    __tablename__ = "work"

    resource_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    #: None: nothing is to be done.
    task: Mapped[str | None] = mapped_column(String(32))
    args: Mapped[dict[str, Any]] = mapped_column(default=dict)
    request_id: Mapped[str] = mapped_column(String(64))
    #: The number of the claim; who holds it, for people to read.
    attempt: Mapped[int] = mapped_column(default=0)
    holder: Mapped[str | None] = mapped_column(String(255))
    #: How often this task failed for a reason that may pass.
    failures: Mapped[int] = mapped_column(default=0)
    #: From when on anybody may take it: the end of the claim, or of a pause after a failure.
    check_at: Mapped[datetime | None] = mapped_column(index=True)


class Attachment(Versioned, Base):
    __tablename__ = "attachments"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, index=True)
    volume_id: Mapped[str] = mapped_column(String(36), index=True)
    project_id: Mapped[str] = mapped_column(String(64), index=True)
    instance_uuid: Mapped[str | None] = mapped_column(String(36), index=True)
    attached_host: Mapped[str | None] = mapped_column(String(255))
    mountpoint: Mapped[str | None] = mapped_column(String(255))
    attach_mode: Mapped[str | None] = mapped_column(String(16))
    status: Mapped[str] = mapped_column(String(32))
    connector: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    connection_info: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    attached_at: Mapped[datetime | None]
    detached_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    deleted: Mapped[bool] = mapped_column(default=False, index=True)


class Transfer(Versioned, Base):
    """An offer of a volume to whoever knows the key; only the key's hash is kept."""

    __tablename__ = "transfers"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, index=True)
    volume_id: Mapped[str] = mapped_column(String(36), index=True)
    name: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16))
    salt: Mapped[str] = mapped_column(String(64))
    key_hash: Mapped[str] = mapped_column(String(64))
    no_snapshots: Mapped[bool] = mapped_column(default=False)
    source_project_id: Mapped[str] = mapped_column(String(64), index=True)
    destination_project_id: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class VolumeType(Versioned, Base):
    __tablename__ = "volume_types"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, index=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))
    is_public: Mapped[bool] = mapped_column(default=True)
    extra_specs: Mapped[dict[str, str]] = mapped_column(default=dict)
    qos_specs_id: Mapped[str | None] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime | None]
    access: Mapped[list[TypeAccess]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class TypeAccess(Base):
    """A project that may use a type that is not public."""

    __tablename__ = "type_access"

    type_id: Mapped[str] = mapped_column(ForeignKey("volume_types.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)


class DefaultType(Versioned, Base):
    """The type of a project's volumes that were asked for without one."""

    __tablename__ = "default_types"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    type_id: Mapped[str] = mapped_column(ForeignKey("volume_types.id", ondelete="CASCADE"))


class QosSpecs(Versioned, Base):
    __tablename__ = "qos_specs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, index=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    consumer: Mapped[str] = mapped_column(String(16))
    specs: Mapped[dict[str, str]] = mapped_column(default=dict)


class ProjectQuota(Versioned, Base):
    """A project's own limits, and the row on which its creations queue up so that none slips past a limit."""

    __tablename__ = "project_quotas"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changes: Mapped[int] = mapped_column(default=0)


class QuotaClass(Versioned, Base):
    """Limits of whoever has none of his own; only the class `default` is asked."""

    __tablename__ = "quota_classes"

    name: Mapped[str] = mapped_column(String(255), primary_key=True)
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Service(Versioned, Base):
    """A process that reports its life."""

    __tablename__ = "services"
    __table_args__ = (UniqueConstraint("binary", "host"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    binary: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(255))
    disabled: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None] = mapped_column(String(255))
    last_seen_at: Mapped[datetime | None]


class UserMessage(Base):
    """Why something that was accepted came to nothing, for whoever asked for it."""

    __tablename__ = "messages"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, index=True)
    project_id: Mapped[str] = mapped_column(String(64), index=True)
    request_id: Mapped[str] = mapped_column(String(64))
    resource_type: Mapped[str] = mapped_column(String(32))
    resource_uuid: Mapped[str] = mapped_column(String(36), index=True)
    event_id: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    expires_at: Mapped[datetime]
