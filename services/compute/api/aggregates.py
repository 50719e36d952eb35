"""Host aggregates: groups of hosts with metadata; one that names an availability zone puts its hosts into it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.body import Body, MetaKey, Name, Text255
from services.compute.api.parts import Parts
from services.compute.hosts import ZONE_KEY
from services.compute.models import Aggregate, AggregateHost, ComputeNode, Instance
from services.compute.zones import Membership, zone_conflict
from services.platform.authentication import Authenticated
from services.platform.faults import BadRequest, Conflict, NotFound
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow

router = APIRouter(route_class=StrictJsonRoute)


class NewAggregate(Body):
    name: Name
    availability_zone: Name | None = None


class NewAggregateBody(Body):
    aggregate: NewAggregate


class AggregateChange(Body):
    name: Name | None = None
    availability_zone: Name | None = None


class AggregateChangeBody(Body):
    aggregate: AggregateChange


class HostRef(Body):
    host: Annotated[str, Field(min_length=1, max_length=255)]


class MetadataChange(Body):
    metadata: dict[MetaKey, Text255 | None]


class AggregateAction(Body):
    add_host: HostRef | None = None
    remove_host: HostRef | None = None
    set_metadata: MetadataChange | None = None


def view(aggregate: Aggregate, version: Microversion, *, with_members: bool = True) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": aggregate.id,
        "name": aggregate.name,
        "availability_zone": aggregate.meta.get(ZONE_KEY),
        "created_at": aggregate.created_at.isoformat(timespec="microseconds"),
        "updated_at": aggregate.updated_at.isoformat(timespec="microseconds") if aggregate.updated_at else None,
        "deleted_at": None,
        "deleted": False,
    }
    if version.minor >= 41:
        shown["uuid"] = aggregate.uuid
    if with_members:
        shown["hosts"] = [member.host for member in aggregate.hosts]
        shown["metadata"] = aggregate.meta
    return shown


def find_aggregate(session: Session, aggregate_id: str) -> Aggregate:
    """The aggregate with this number. Raises NotFound, also for what is not a number (clients try names first)."""
    number = int(aggregate_id) if aggregate_id.isascii() and aggregate_id.isdigit() and len(aggregate_id) < 10 else -1
    aggregate = session.get(Aggregate, number)
    if aggregate is None:
        raise NotFound(f"Aggregate {aggregate_id} could not be found.")
    return aggregate


def _memberships(session: Session) -> dict[str, list[Membership]]:
    found: dict[str, list[Membership]] = defaultdict(list)
    for aggregate in session.scalars(select(Aggregate)):
        for member in aggregate.hosts:
            found[member.host].append(Membership(aggregate.id, aggregate.name, aggregate.meta.get(ZONE_KEY)))
    return found


def _lock_hosts(session: Session, hosts: Iterable[str]) -> None:
    """Move the hosts' generations: two changes of a host's zone, or one and a claim on it, cannot both commit."""
    for node in session.scalars(
        select(ComputeNode).where(ComputeNode.host.in_(list(hosts))).order_by(ComputeNode.host)
    ):
        node.changes += 1
    session.flush()


def _check_zone(session: Session, hosts: list[str], aggregate: Aggregate, zone: str | None) -> None:
    """Raises Conflict where `hosts` would be in two zones, or instances would lose the zone that they asked for."""
    memberships = _memberships(session)
    problem = zone_conflict(hosts, aggregate.id, zone, memberships)
    if problem is not None:
        raise Conflict(problem)
    for host in hosts:
        elsewhere = {m.zone for m in memberships.get(host, ()) if m.aggregate_id != aggregate.id and m.zone}
        zone_after = zone or next(iter(elsewhere), None)
        pinned = session.scalar(
            select(Instance).where(
                Instance.host == host,
                Instance.deleted.is_(False),
                Instance.requested_zone.is_not(None),
                Instance.requested_zone != (zone_after or ""),
            )
        )
        if pinned is not None:
            raise Conflict(
                f"Host {host} runs server {pinned.id}, which asked for availability zone {pinned.requested_zone}. "
                f"Delete or move it before the host changes its zone."
            )


def _store_metadata(session: Session, aggregate: Aggregate, changes: dict[str, str | None]) -> None:
    meta = {**aggregate.meta, **changes}
    kept = {key: value for key, value in meta.items() if value is not None}
    if kept.get(ZONE_KEY) != aggregate.meta.get(ZONE_KEY):
        hosts = [member.host for member in aggregate.hosts]
        _lock_hosts(session, hosts)
        _check_zone(session, hosts, aggregate, kept.get(ZONE_KEY))
    aggregate.meta = kept
    aggregate.updated_at = utcnow()


@router.get("/os-aggregates")
def list_aggregates(context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    found = parts.transactor.read(lambda session: session.scalars(select(Aggregate).order_by(Aggregate.id)).all())
    return json_body(200, {"aggregates": [view(aggregate, version) for aggregate in found]})


@router.get("/os-aggregates/{aggregate_id}")
def show_aggregate(aggregate_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    aggregate = parts.transactor.read(lambda session: find_aggregate(session, aggregate_id))
    return json_body(200, {"aggregate": view(aggregate, version)})


def _refuse_taken_name(session: Session, name: str, own_uuid: str) -> None:
    other = session.scalar(select(Aggregate).where(Aggregate.name == name))
    if other is not None and other.uuid != own_uuid:
        raise Conflict(f"Aggregate {name} already exists.")


@router.post("/os-aggregates")
def create_aggregate(body: NewAggregateBody, context: Authenticated, parts: Parts, version: Version) -> Response:
    context.require_admin()
    uuid = context.request.new_id("aggregate")
    wanted = body.aggregate

    def work(session: Session) -> Aggregate:
        found = session.scalar(select(Aggregate).where(Aggregate.uuid == uuid))
        if found is not None:
            return found
        _refuse_taken_name(session, wanted.name, uuid)
        meta = {ZONE_KEY: wanted.availability_zone} if wanted.availability_zone else {}
        aggregate = Aggregate(uuid=uuid, name=wanted.name, meta=meta, created_at=utcnow())
        session.add(aggregate)
        session.flush()
        return aggregate

    return json_body(200, {"aggregate": view(parts.transactor.write(work), version, with_members=False)})


@router.put("/os-aggregates/{aggregate_id}")
def update_aggregate(
    aggregate_id: str, body: AggregateChangeBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_admin()
    change = body.aggregate
    if not change.model_fields_set:
        raise BadRequest("Give a name or an availability_zone to change.")

    def work(session: Session) -> Aggregate:
        aggregate = find_aggregate(session, aggregate_id)
        if change.name is not None:
            _refuse_taken_name(session, change.name, aggregate.uuid)
            aggregate.name = change.name
        zone = {ZONE_KEY: change.availability_zone} if "availability_zone" in change.model_fields_set else {}
        _store_metadata(session, aggregate, zone)
        return aggregate

    return json_body(200, {"aggregate": view(parts.transactor.write(work), version)})


@router.delete("/os-aggregates/{aggregate_id}")
def delete_aggregate(aggregate_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        aggregate = find_aggregate(session, aggregate_id)
        if aggregate.hosts:
            raise Conflict(f"Aggregate {aggregate.name} still has hosts. Remove them first.")
        session.delete(aggregate)

    parts.transactor.write(work)
    return no_content(200)


def _add_host(session: Session, aggregate: Aggregate, host: str) -> None:
    if session.get(ComputeNode, host) is None:
        raise NotFound(f"Compute host {host} could not be found.")
    if any(member.host == host for member in aggregate.hosts):
        raise Conflict(f"Aggregate {aggregate.name} already has host {host}.")
    _lock_hosts(session, [host])
    _check_zone(session, [host], aggregate, aggregate.meta.get(ZONE_KEY))
    aggregate.hosts.append(AggregateHost(host=host))
    aggregate.updated_at = utcnow()


def _remove_host(session: Session, aggregate: Aggregate, host: str) -> None:
    member = next((member for member in aggregate.hosts if member.host == host), None)
    if member is None:
        raise NotFound(f"Aggregate {aggregate.name} has no host {host}.")
    _lock_hosts(session, [host])
    if aggregate.meta.get(ZONE_KEY):
        _check_zone(session, [host], aggregate, None)
    aggregate.hosts.remove(member)
    aggregate.updated_at = utcnow()


@router.post("/os-aggregates/{aggregate_id}/action")
def act_on_aggregate(
    aggregate_id: str, body: AggregateAction, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_admin()
    if len(body.model_fields_set) != 1:
        raise BadRequest("Give exactly one action: add_host, remove_host or set_metadata.")
    act: Callable[[Session, Aggregate], None]
    match body:
        case AggregateAction(add_host=HostRef(host=host)):
            act = lambda session, aggregate: _add_host(session, aggregate, host)  # noqa: E731
        case AggregateAction(remove_host=HostRef(host=host)):
            act = lambda session, aggregate: _remove_host(session, aggregate, host)  # noqa: E731
        case AggregateAction(set_metadata=MetadataChange(metadata=changes)):
            act = lambda session, aggregate: _store_metadata(session, aggregate, changes)  # noqa: E731
        case _:
            raise BadRequest("The action needs an argument.")

    def work(session: Session) -> Aggregate:
        aggregate = find_aggregate(session, aggregate_id)
        act(session, aggregate)
        session.flush()
        return aggregate

    return json_body(200, {"aggregate": view(parts.transactor.write(work), version)})
