"""The compute database. Rows that change have a generation (`Versioned`); instances are kept after deletion."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, DateTime, ForeignKey, Integer, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.platform.database import Versioned
from services.platform.times import utcnow
from services.platform.units import COMMITTED

Moment = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
Long = Text().with_variant(mysql.MEDIUMTEXT(), "mysql", "mariadb")


class Base(DeclarativeBase):
    type_annotation_map = {datetime: Moment, dict[str, Any]: JSON, dict[str, str]: JSON, list[Any]: JSON}


COMMITTED.to_metadata(Base.metadata)


class Flavor(Versioned, Base):
    __tablename__ = "flavors"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    vcpus: Mapped[int]
    memory_mb: Mapped[int]
    disk_gb: Mapped[int]
    ephemeral_gb: Mapped[int] = mapped_column(default=0)
    swap_mb: Mapped[int] = mapped_column(default=0)
    rxtx_factor: Mapped[float] = mapped_column(default=1.0)
    is_public: Mapped[bool] = mapped_column(default=True)
    disabled: Mapped[bool] = mapped_column(default=False)
    description: Mapped[str | None] = mapped_column(Text)
    extra_specs: Mapped[dict[str, str]] = mapped_column(default=dict)
    access: Mapped[list[FlavorAccess]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class FlavorAccess(Base):
    """A project that may use a flavor that is not public."""

    __tablename__ = "flavor_access"

    flavor_id: Mapped[str] = mapped_column(ForeignKey("flavors.id", ondelete="CASCADE"), primary_key=True)
    project_id: Mapped[str] = mapped_column(String(255), primary_key=True)


class Keypair(Base):
    __tablename__ = "keypairs"
    __table_args__ = (UniqueConstraint("user_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    #: Derived from the request that made it, so that its repetition finds it.
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    user_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    type: Mapped[str] = mapped_column(String(16), default="ssh")
    fingerprint: Mapped[str] = mapped_column(String(255))
    public_key: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Instance(Versioned, Base):
    """One server. `task_state` is what is to be done, `op` numbers the orders given for it, `check_at` is when a
    conductor should look at it even if nobody hints (None: nothing is to be done)."""

    __tablename__ = "instances"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    #: Lists are ordered by this: creation order, also within one microsecond.
    number: Mapped[int] = mapped_column(BigInteger, index=True)
    project_id: Mapped[str] = mapped_column(String(64), index=True)
    user_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(255))
    hostname: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(String(255))
    flavor_id: Mapped[str] = mapped_column(String(255))
    #: The flavor as it was at creation: name, vcpus, memory_mb, disk_gb, ephemeral_gb, swap_mb, extra_specs.
    flavor: Mapped[dict[str, Any]]
    image_ref: Mapped[str] = mapped_column(String(36), default="")
    key_name: Mapped[str | None] = mapped_column(String(255))
    user_data: Mapped[str | None] = mapped_column(Long)
    config_drive: Mapped[bool] = mapped_column(default=False)
    meta: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    tags: Mapped[list[Any]] = mapped_column(default=list)
    access_ipv4: Mapped[str | None] = mapped_column(String(39))
    access_ipv6: Mapped[str | None] = mapped_column(String(39))
    disk_config: Mapped[str] = mapped_column(String(8), default="MANUAL")
    requested_zone: Mapped[str | None] = mapped_column(String(255))
    requested_host: Mapped[str | None] = mapped_column(String(255))
    reservation_id: Mapped[str] = mapped_column(String(32), index=True)
    launch_index: Mapped[int] = mapped_column(default=0)
    host: Mapped[str | None] = mapped_column(String(255), index=True)
    vm_state: Mapped[str] = mapped_column(String(16))
    task_state: Mapped[str | None] = mapped_column(String(32))
    power_state: Mapped[str] = mapped_column(String(16), default="nostate")
    locked_by: Mapped[str | None] = mapped_column(String(64))
    locked_reason: Mapped[str | None] = mapped_column(String(255))
    op: Mapped[int] = mapped_column(default=1)
    #: Hosts where a build was tried in vain.
    tried: Mapped[list[Any]] = mapped_column(default=list)
    check_at: Mapped[datetime | None] = mapped_column(index=True)
    request_id: Mapped[str] = mapped_column(String(64))
    fault: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime | None]
    launched_at: Mapped[datetime | None]
    terminated_at: Mapped[datetime | None]
    deleted: Mapped[bool] = mapped_column(Boolean, default=False, index=True)


class VolumeAttachment(Versioned, Base):
    """A volume at a server (Nova's block device mapping), or one that is to come or to go.

    `status` is what is to be done (`attachment_states`), `op` numbers the orders given to the host for it, `check_at`
    is when a conductor should look at it (None: nothing is to be done), `holder` whoever is at it until then. The row
    stays when the volume is gone, so that the numbers only grow; the same volume at the same server takes it up again.
    """

    __tablename__ = "volume_attachments"
    __table_args__ = (UniqueConstraint("instance_id", "volume_id"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    #: Lists are ordered by this.
    number: Mapped[int] = mapped_column(BigInteger)
    instance_id: Mapped[str] = mapped_column(String(36), index=True)
    #: None while the volume is still to be made.
    volume_id: Mapped[str | None] = mapped_column(String(36), index=True)
    #: The attachment's id at the volume service, and what that says about reaching the volume.
    attachment_id: Mapped[str | None] = mapped_column(String(36))
    connection: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    device: Mapped[str] = mapped_column(String(32))
    tag: Mapped[str | None] = mapped_column(String(60))
    #: None: it is not booted from.
    boot_index: Mapped[int | None]
    delete_on_termination: Mapped[bool] = mapped_column(default=False)
    #: The server goes or was never built, and the volume with it.
    delete_volume: Mapped[bool] = mapped_column(default=False)
    multiattach: Mapped[bool] = mapped_column(default=False)
    #: What the volume is, or is to be made from: volume, image, snapshot or blank; with the latter's id, GiB and type.
    source_type: Mapped[str] = mapped_column(String(16), default="volume")
    source_id: Mapped[str | None] = mapped_column(String(36))
    volume_size: Mapped[int | None]
    volume_type: Mapped[str | None] = mapped_column(String(255))
    #: In whose name it is to be made (`sealed`).
    sealed_token: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(String(16))
    op: Mapped[int] = mapped_column(default=1)
    failures: Mapped[int] = mapped_column(default=0)
    holder: Mapped[str | None] = mapped_column(String(255))
    check_at: Mapped[datetime | None] = mapped_column(index=True)
    request_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime | None]


class ServerImage(Versioned, Base):
    """An image that is being made of a server, or one that came to nothing and is still to be removed.

    While it is being made, the instance's task says how far that is. The row goes when the image is whole, or gone.
    """

    __tablename__ = "server_images"

    #: The image's id.
    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    instance_id: Mapped[str] = mapped_column(String(36), index=True)
    #: `server_images.Purpose`.
    purpose: Mapped[str] = mapped_column(String(16))
    #: When the image is to be removed, unless it is being made.
    check_at: Mapped[datetime | None] = mapped_column(index=True)
    request_id: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=utcnow)


class Allocation(Base):
    """What an instance takes of a host: the claim. It exists or it does not, so giving it back twice is harmless."""

    __tablename__ = "allocations"

    instance_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    host: Mapped[str] = mapped_column(String(255), index=True)
    vcpus: Mapped[int]
    memory_mb: Mapped[int]
    disk_gb: Mapped[int]


class ComputeNode(Versioned, Base):
    """A host's capacity. Every claim on it and every change of its zone moves its generation, so they exclude one
    another."""

    __tablename__ = "compute_nodes"

    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    id: Mapped[int] = mapped_column(Integer, unique=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    vcpus: Mapped[int]
    memory_mb: Mapped[int]
    disk_gb: Mapped[int]
    cpu_ratio: Mapped[float] = mapped_column(default=4.0)
    hypervisor_type: Mapped[str] = mapped_column(String(32))
    host_ip: Mapped[str] = mapped_column(String(45))
    changes: Mapped[int] = mapped_column(default=0)


class Service(Versioned, Base):
    """A process that reports its life: scheduler, conductor or compute agent."""

    __tablename__ = "services"
    __table_args__ = (UniqueConstraint("binary", "host"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    binary: Mapped[str] = mapped_column(String(64))
    host: Mapped[str] = mapped_column(String(255))
    disabled: Mapped[bool] = mapped_column(default=False)
    disabled_reason: Mapped[str | None] = mapped_column(String(255))
    forced_down: Mapped[bool] = mapped_column(default=False)
    last_seen_at: Mapped[datetime | None]


class Aggregate(Versioned, Base):
    __tablename__ = "aggregates"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    #: `availability_zone` is one of its keys.
    meta: Mapped[dict[str, str]] = mapped_column("metadata", default=dict)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime | None]
    hosts: Mapped[list[AggregateHost]] = relationship(
        cascade="all, delete-orphan", lazy="selectin", order_by="AggregateHost.host"
    )


class AggregateHost(Base):
    __tablename__ = "aggregate_hosts"

    aggregate_id: Mapped[int] = mapped_column(ForeignKey("aggregates.id", ondelete="CASCADE"), primary_key=True)
    host: Mapped[str] = mapped_column(String(255), primary_key=True)


class InstanceAction(Versioned, Base):
    """What was asked of an instance, by whom, and what came of it. `events` is a list of event objects."""

    __tablename__ = "instance_actions"

    instance_id: Mapped[str] = mapped_column(String(36), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    action: Mapped[str] = mapped_column(String(64))
    user_id: Mapped[str] = mapped_column(String(64))
    project_id: Mapped[str] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(Text)
    start_time: Mapped[datetime] = mapped_column(default=utcnow)
    updated_at: Mapped[datetime | None]
    events: Mapped[list[Any]] = mapped_column(default=list)


class ProjectQuota(Versioned, Base):
    """A project's own limits, and the row on which its creations queue up so that none slips past a limit."""

    __tablename__ = "project_quotas"

    project_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    limits: Mapped[dict[str, Any]] = mapped_column(default=dict)
    changes: Mapped[int] = mapped_column(default=0)
