"""`/v3/domains`."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity import policy
from services.identity.api.common import Body, Call, CallDep, change, create, get_row, merged, once, v3_router
from services.identity.api.lists import answer_list, filtered
from services.identity.api.options import (
    RESOURCE_OPTIONS,
    Options,
    PlainId,
    ShortName,
    Tags,
    changed_options,
    refuse_immutable,
)
from services.identity.api.project_models import ChangedProject, NewProject
from services.identity.models import Assignment, Domain, Group, Project, Role, User
from services.platform.faults import Forbidden
from services.platform.http import json_body, no_content

router = v3_router()


class NewDomain(Body):
    name: ShortName
    description: str | None = None
    enabled: bool = True
    explicit_domain_id: PlainId | None = None
    tags: Tags = []
    options: Options = {}


class NewDomainBody(Body):
    domain: NewDomain


class ChangedDomain(Body):
    name: ShortName | None = None
    description: str | None = None
    enabled: bool | None = None
    tags: Tags | None = None
    options: Options = {}


class ChangedDomainBody(Body):
    domain: ChangedDomain


def render(call: Call, row: Domain) -> dict[str, Any]:
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "enabled": row.enabled,
        "tags": row.tags,
        "options": row.options,
        "links": call.links(f"domains/{row.id}"),
    }


def _conflict(name: str) -> str:
    return f"domain - Duplicate entry found with name {name}."


def add(call: Call, key: str, new: NewDomain | NewProject) -> Domain:
    def build(_session: Session) -> Domain:
        return Domain(
            id=key, name=new.name, description=new.description or "", enabled=new.enabled, tags=new.tags,
            options=changed_options({}, new.options, RESOURCE_OPTIONS), extra=new.extras,
        )  # fmt: skip

    return create(call, Domain, key, build, _conflict(new.name))


@router.post("/domains")
def create_domain(body: NewDomainBody, call: CallDep) -> Response:
    call.require_admin("create_domain")
    key = body.domain.explicit_domain_id or call.new_id("domain")
    return json_body(201, {"domain": render(call, add(call, key, body.domain))})


@router.get("/domains")
def list_domains(call: CallDep) -> Response:
    statement = select(Domain)
    if not policy.reads_everything(call.access):
        call.require_reader("list_domains", call.access.domain_id)
        statement = statement.where(Domain.id == call.access.domain_id)
    statement = filtered(call, statement, {"name": Domain.name, "enabled": Domain.enabled})
    return answer_list(call, "domains", statement, Domain.id, lambda row: render(call, row))


@router.get("/domains/{domain_id}")
def show_domain(domain_id: str, call: CallDep) -> Response:
    call.require(policy.sees_domain(call.access, domain_id), "get_domain")
    row = call.read(lambda session: get_row(session, Domain, domain_id, "domain"))
    return json_body(200, {"domain": render(call, row)})


def alter(call: Call, domain_id: str, new: ChangedDomain | ChangedProject) -> Domain:
    def work(session: Session) -> Domain:
        row = get_row(session, Domain, domain_id, "domain")
        refuse_immutable(row.options, "domain", domain_id, new.options)
        row.name = row.name if new.name is None else new.name
        row.enabled = row.enabled if new.enabled is None else new.enabled
        row.tags = row.tags if new.tags is None else new.tags
        if "description" in new.given:
            row.description = new.description or ""
        row.options = changed_options(row.options, new.options, RESOURCE_OPTIONS)
        row.extra = merged(row.extra, new.extras)
        return row

    return change(call, work, _conflict(new.name or ""))


@router.patch("/domains/{domain_id}")
def update_domain(domain_id: str, body: ChangedDomainBody, call: CallDep) -> Response:
    call.require_admin("update_domain")
    return json_body(200, {"domain": render(call, alter(call, domain_id, body.domain))})


def remove(call: Call, domain_id: str) -> None:
    """With all that is in it: users, groups, projects, and their assignments."""

    def work(session: Session) -> None:
        row = get_row(session, Domain, domain_id, "domain")
        refuse_immutable(row.options, "domain", domain_id)
        if row.enabled:
            raise Forbidden("Cannot delete a domain that is enabled, please disable it first.")
        for model in (User, Group):
            inside = select(model.id).where(model.domain_id == row.id)
            session.execute(delete(Assignment).where(Assignment.actor_id.in_(inside)))
        projects = select(Project.id).where(Project.domain_id == row.id)
        session.execute(delete(Assignment).where(Assignment.target_id.in_(projects) | (Assignment.target_id == row.id)))
        session.execute(delete(Role).where(Role.domain_id == row.id))
        session.execute(update(Project).where(Project.domain_id == row.id).values(parent_id=None))
        session.delete(row)

    once(call, work)
    call.identity.reference.forget()


@router.delete("/domains/{domain_id}")
def delete_domain(domain_id: str, call: CallDep) -> Response:
    call.require_admin("delete_domain")
    remove(call, domain_id)
    return no_content()
