"""Creating servers: everything is checked, then one transaction stores the rows, then one hint is sent."""

from __future__ import annotations

import re
import secrets
import string
import time
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.compute import quotas
from services.compute.api.block_devices import Disks, refuse_several, rows_for
from services.compute.api.body import since
from services.compute.api.flavors import find_flavor
from services.compute.api.images import ImageView
from services.compute.api.parts import ApiParts
from services.compute.api.server_bodies import CREATE_SINCE, NewServer
from services.compute.hosts import HostView
from services.compute.instances import STEP_PATIENCE
from services.compute.models import Flavor, Instance, InstanceAction, Keypair
from services.compute.states import Task, VmState
from services.platform.context import Context
from services.platform.faults import BadRequest, Forbidden, NotFound
from services.platform.microversions import Microversion
from services.platform.times import utcnow


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a server was asked to go: a zone, a host, both or neither."""

    zone: str | None = None
    host: str | None = None


def admin_password() -> str:
    """A password for the guest's administrator, as Nova makes one: 12 letters and digits."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))


def hostname_from(name: str) -> str:
    """A host name made of a server's display name (Nova's sanitize_hostname)."""
    cleaned = re.sub(r"[^a-z0-9-]", "", re.sub(r"[ _.]", "-", name.lower())).strip("-")
    return cleaned[:63] or "server"


def refuse_what_is_not_served(wanted: NewServer, version: Microversion) -> None:
    """Raises BadRequest for fields that this microversion does not know, and for what this cloud does not have."""
    since(version, CREATE_SINCE, wanted.model_fields_set)
    if wanted.personality is not None and version.minor >= 57:
        raise BadRequest("Additional properties are not allowed ('personality' was unexpected).")
    if wanted.personality:
        raise BadRequest("Files cannot be injected here; use user_data instead of personality.")
    if wanted.networks is None and version.minor >= 37:
        raise BadRequest("'networks' is a required property.")
    if isinstance(wanted.networks, str) and version.minor < 37:
        raise BadRequest(f"Invalid input for field/attribute networks. Value: {wanted.networks}. It must be a list.")
    if isinstance(wanted.networks, list) and wanted.networks:
        asked = wanted.networks[0].uuid or wanted.networks[0].port or ""
        raise BadRequest(f"Network {asked} could not be found: this region has no network service. Use --nic none.")


def destination_of(wanted: NewServer, context: Context, hosts: list[HostView], default_zone: str) -> Destination:
    """The zone and host asked for. `zone:host` and the fields `host` are for administrators.

    Raises BadRequest for a zone or host that does not exist, Forbidden for others' use of the administrator's form.
    """
    zone, _, host = (wanted.availability_zone or "").partition(":")
    host = host.split(":")[0]
    named = wanted.host or wanted.hypervisor_hostname or host
    if named and not context.is_admin:
        raise Forbidden("Policy doesn't allow os_compute_api:servers:create:forced_host to be performed.")
    if zone and zone not in {view.zone for view in hosts} | {default_zone}:
        raise BadRequest(f"The requested availability zone is not available: {zone}")
    if named and named not in {view.host for view in hosts}:
        raise BadRequest(f"Compute host {named} could not be found.")
    return Destination(zone or None, named or None)


def check_image_fits(image: ImageView, flavor: Flavor, *, on_volume: bool) -> None:
    if flavor.memory_mb < image.min_memory_mb:
        raise BadRequest("Flavor's memory is too small for requested image.")
    if not on_volume and 0 < flavor.disk_gb < image.min_disk_gb:
        raise BadRequest("Flavor's disk is too small for requested image.")


@dataclass(frozen=True, slots=True)
class Creation:
    """One accepted request for servers, everything outside the database checked."""

    wanted: NewServer
    context: Context
    disks: Disks
    destination: Destination
    parts: ApiParts

    @property
    def count(self) -> tuple[int, int]:
        """The least and the most servers to make. Raises BadRequest where they contradict one another."""
        most = self.wanted.max_count or self.wanted.min_count
        if most < self.wanted.min_count:
            raise BadRequest("min_count must be <= max_count")
        return self.wanted.min_count, most

    @property
    def reservation_id(self) -> str:
        return "r-" + self.context.request.new_hex("reservation")[:8]

    def store(self, session: Session) -> list[Instance]:
        """The rows, new or those that an earlier run of this very request stored. Raises BadRequest, OverQuota."""
        done = self._done_before(session)
        if done:
            return done
        flavor = self._flavor(session)
        if self.disks.image is not None:
            check_image_fits(self.disks.image, flavor, on_volume=self.disks.boots_from_volume)
        self._check_keypair(session)
        least, most = self.count
        refuse_several(self.disks, most)
        count = self._count_within_quota(session, flavor, least, most)
        number = time.time_ns()
        rows = [self._row(flavor, index, count, number + index) for index in range(count)]
        session.add_all(rows)
        session.add_all(self._action(row) for row in rows)
        for row in rows:
            session.add_all(rows_for(session, self.disks, row, self.context, self.parts))
        session.flush()
        return rows

    def _done_before(self, session: Session) -> list[Instance]:
        if session.get(Instance, self.context.request.new_id("instance")) is None:
            return []
        # The reservation alone would do, were it not only 32 bits long.
        ids = [self.context.request.new_id("instance", index) for index in range(self.count[1])]
        return list(session.scalars(select(Instance).where(Instance.id.in_(ids)).order_by(Instance.number)))

    def _flavor(self, session: Session) -> Flavor:
        try:
            flavor = find_flavor(session, str(self.wanted.flavor_ref), self.context)
        except NotFound as fault:
            raise BadRequest(fault.message) from None
        if flavor.disabled:
            raise BadRequest(f"Flavor {flavor.id} is disabled.")
        return flavor

    def _check_keypair(self, session: Session) -> None:
        name = self.wanted.key_name
        if name is None:
            return
        mine = select(Keypair.id).where(Keypair.user_id == self.context.user_id, Keypair.name == name)
        if session.scalar(mine) is None:
            raise BadRequest("Invalid key_name provided.")

    def _count_within_quota(self, session: Session, flavor: Flavor, least: int, most: int) -> int:
        """As many of `most` as the quota allows. Raises OverQuota where that is fewer than `least`."""
        project_id = self.context.project_id
        quotas.lock_project(session, project_id)
        limits, usage = quotas.limits_of(session, project_id), quotas.usage_of(session, project_id)
        if 0 <= limits["metadata_items"] < len(self.wanted.metadata):
            raise Forbidden(f"Maximum number of metadata items exceeds {limits['metadata_items']}")
        each = {"instances": 1, "cores": flavor.vcpus, "ram": flavor.memory_mb}
        room = [(limits[name] - usage[name]) // amount for name, amount in each.items() if limits[name] >= 0]
        count = min([most, *room])
        if count < least:
            quotas.check(limits, usage, {name: amount * least for name, amount in each.items()})
        return count

    def _row(self, flavor: Flavor, index: int, count: int, number: int) -> Instance:
        wanted, now = self.wanted, utcnow()
        name = wanted.name if count == 1 else f"{wanted.name}-{index + 1}"
        return Instance(
            id=self.context.request.new_id("instance", index),
            number=number,
            project_id=self.context.project_id,
            user_id=self.context.user_id,
            name=name[:255],
            hostname=wanted.hostname or hostname_from(name),
            description=wanted.description,
            flavor_id=flavor.id,
            flavor=snapshot(flavor),
            image_ref=self.disks.image_ref,
            key_name=wanted.key_name,
            user_data=wanted.user_data,
            config_drive=bool(wanted.config_drive),
            meta=dict(wanted.metadata),
            tags=sorted(set(wanted.tags)),
            access_ipv4=str(wanted.access_ipv4) if wanted.access_ipv4 else None,
            access_ipv6=str(wanted.access_ipv6) if wanted.access_ipv6 else None,
            disk_config=wanted.disk_config,
            requested_zone=self.destination.zone,
            requested_host=self.destination.host,
            reservation_id=self.reservation_id,
            launch_index=index,
            vm_state=VmState.BUILDING,
            task_state=Task.SCHEDULING,
            power_state="nostate",
            op=1,
            tried=[],
            check_at=now + STEP_PATIENCE,
            request_id=self.context.request.request_id,
            created_at=now,
            updated_at=now,
            deleted=False,
        )

    def _action(self, row: Instance) -> InstanceAction:
        return InstanceAction(
            instance_id=row.id,
            request_id=self.context.request.request_id,
            action="create",
            user_id=self.context.user_id,
            project_id=row.project_id,
            start_time=utcnow(),
            events=[],
        )


def snapshot(flavor: Flavor) -> dict[str, Any]:
    """What an instance keeps of its flavor, whatever becomes of that."""
    return {
        "name": flavor.name,
        "vcpus": flavor.vcpus,
        "memory_mb": flavor.memory_mb,
        "disk_gb": flavor.disk_gb,
        "ephemeral_gb": flavor.ephemeral_gb,
        "swap_mb": flavor.swap_mb,
        "extra_specs": dict(flavor.extra_specs),
    }
