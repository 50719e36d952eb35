"""Finding instances: one, for whom it may be shown to; many, by the filters that clients send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from services.compute.models import Instance
from services.compute.states import vm_states_of_status
from services.platform.context import Context
from services.platform.faults import BadRequest, Forbidden, NotFound
from services.platform.microversions import Microversion
from services.platform.pagination import Page, flag
from services.platform.times import parse_time

_SORT_KEYS: dict[str, InstrumentedAttribute[Any]] = {
    "created_at": Instance.number,
    "display_name": Instance.name,
    "name": Instance.name,
    "uuid": Instance.id,
    "id": Instance.id,
    "updated_at": Instance.updated_at,
    "host": Instance.host,
    "vm_state": Instance.vm_state,
    "task_state": Instance.task_state,
    "project_id": Instance.project_id,
    "user_id": Instance.user_id,
    "image_ref": Instance.image_ref,
    "instance_type_id": Instance.flavor_id,
    "launched_at": Instance.launched_at,
    "terminated_at": Instance.terminated_at,
}
#: Filters by plain equality: query key -> column. Others than these are for administrators, or ignored.
_EQUALS: dict[str, InstrumentedAttribute[Any]] = {
    "image": Instance.image_ref,
    "flavor": Instance.flavor_id,
    "reservation_id": Instance.reservation_id,
    "key_name": Instance.key_name,
    "user_id": Instance.user_id,
    "uuid": Instance.id,
}
_EQUALS_FOR_ADMINS: dict[str, InstrumentedAttribute[Any]] = {
    "host": Instance.host,
    "node": Instance.host,
    "tenant_id": Instance.project_id,
    "project_id": Instance.project_id,
    "vm_state": Instance.vm_state,
    "task_state": Instance.task_state,
}


def find_server(session: Session, server_id: str, context: Context) -> Instance:
    """The instance, if the bearer may see it and it was not deleted. Raises NotFound."""
    row = session.get(Instance, server_id) if len(server_id) <= 36 else None
    if row is None or row.deleted or not context.sees_project(row.project_id):
        raise NotFound(f"Instance {server_id} could not be found.")
    return row


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """What of the servers is asked for."""

    query: Mapping[str, str]
    statuses: tuple[str, ...]
    page: Page

    def select(self, session: Session, context: Context, version: Microversion) -> list[Instance]:
        """At most one more than the page holds. Raises BadRequest for filters that make no sense."""
        chosen = self._scoped(context)
        chosen = self._by_state(chosen, context, version)
        chosen = self._by_values(chosen, context)
        return list(session.scalars(self._ordered(session, chosen).limit(self.page.limit + 1)))

    def _scoped(self, context: Context) -> Select[Instance]:
        query = self.query
        everyone = flag(query.get("all_tenants") or ("1" if "all_tenants" in query else None))
        if not everyone:
            return select(Instance).where(Instance.project_id == context.project_id)
        if not context.is_admin:
            raise Forbidden("Policy doesn't allow os_compute_api:servers:detail:get_all_tenants to be performed.")
        return select(Instance)

    def _by_state(self, chosen: Select[Instance], context: Context, version: Microversion) -> Select[Instance]:
        deleted = flag(self.query.get("deleted")) if context.is_admin else False
        changed = False
        for key, before in (("changes-since", False), ("changes-before", True)):
            if key not in self.query or (before and version.minor < 66):
                continue
            changed = True
            try:
                moment = parse_time(self.query[key])
            except ValueError:
                raise BadRequest(f"Invalid input for query parameters {key}. Value: {self.query[key]}.") from None
            column = Instance.updated_at
            chosen = chosen.where(column <= moment if before else or_(column >= moment, Instance.created_at >= moment))
        states = [vm_states_of_status(status) for status in self.statuses]
        if self.statuses:
            known = set().union(*(state for state in states if state))
            if not known:
                if version.minor >= 38:
                    raise BadRequest(f"Invalid status value: {', '.join(self.statuses)}")
                return chosen.where(Instance.id.is_(None))
            if any(state == "deleted" for state, _ in known):
                if not context.is_admin:
                    raise Forbidden("Only administrators can list deleted servers")
                deleted = True
            chosen = chosen.where(or_(*[_is_in(state, task) for state, task in known]))
        return chosen if changed else chosen.where(Instance.deleted.is_(bool(deleted)))

    def _by_values(self, chosen: Select[Instance], context: Context) -> Select[Instance]:
        equals = _EQUALS | (_EQUALS_FOR_ADMINS if context.is_admin else {})
        for key, column in equals.items():
            if key in self.query:
                chosen = chosen.where(column == self.query[key])
        if "ip" in self.query or "ip6" in self.query:
            chosen = chosen.where(Instance.id.is_(None))  # there is no network service: no server has an address
        if self.query.get("name"):
            try:
                re.compile(self.query["name"])
            except re.error:
                raise BadRequest("Invalid filter field: name is not a valid regular expression.") from None
            chosen = chosen.where(Instance.name.regexp_match(self.query["name"]))
        zone = self.query.get("availability_zone")
        return chosen.where(Instance.requested_zone == zone) if zone else chosen

    def _ordered(self, session: Session, chosen: Select[Instance]) -> Select[Instance]:
        key = self.query.get("sort_key", "created_at")
        column = _SORT_KEYS.get(key)
        if column is None:
            raise BadRequest(f"Sort key {key} is not valid.")
        direction = self.query.get("sort_dir", "desc")
        if direction not in ("asc", "desc"):
            raise BadRequest(f"Invalid sort direction: {direction}. It must be asc or desc.")
        descending = direction == "desc"
        if self.page.marker is not None:
            marker = session.get(Instance, self.page.marker[:40])
            if marker is None:
                raise BadRequest(f"marker [{self.page.marker}] not found")
            value, number = getattr(marker, column.key), marker.number
            further = column < value if descending else column > value
            tied = Instance.number < number if descending else Instance.number > number
            chosen = chosen.where(or_(further, and_(column == value, tied)))
        if descending:
            return chosen.order_by(column.desc(), Instance.number.desc())
        return chosen.order_by(column.asc(), Instance.number.asc())


def _is_in(state: str, task: str | None) -> Any:
    if task is None:
        return and_(
            Instance.vm_state == state,
            or_(Instance.task_state.is_(None), Instance.task_state.not_in(["rebooting", "rebooting_hard"])),
        )
    return and_(Instance.vm_state == state, Instance.task_state == task)
