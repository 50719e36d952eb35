"""`/v3/projects`."""

from __future__ import annotations

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity import policy
from services.identity.api import domains
from services.identity.api.common import Call, CallDep, change, create, get_row, merged, once, refuse_move, v3_router
from services.identity.api.lists import answer_list, filtered, truth
from services.identity.api.options import RESOURCE_OPTIONS, changed_options, refuse_immutable
from services.identity.api.project_models import (
    ChangedProjectBody,
    NewProject,
    NewProjectBody,
    render,
    render_domain,
    tags_match,
)
from services.identity.models import Ancestor, Assignment, Domain, Project, User
from services.platform.faults import BadRequest, Forbidden, NotFound
from services.platform.http import json_body, no_content

router = v3_router()

#: Domain and projects above one another (Keystone's `max_project_tree_depth`).
DEEPEST_TREE = 5

_TAG_KEYS = ("tags", "tags-any", "not-tags", "not-tags-any")


def _conflict(name: str) -> str:
    return f"project - Duplicate entry found with name {name} in this domain."


@router.post("/projects")
def create_project(body: NewProjectBody, call: CallDep) -> Response:
    call.require_admin("create_project")
    new, key = body.project, call.new_id("project")
    if new.is_domain:
        return json_body(201, {"project": render_domain(call, domains.add(call, key, new))})
    options = changed_options({}, new.options, RESOURCE_OPTIONS)

    def build(session: Session) -> Project:
        domain_id, parent_id, above = _place(call, session, new)
        project = Project(
            id=key, domain_id=domain_id, parent_id=parent_id, name=new.name, description=new.description or "",
            enabled=new.enabled, tags=new.tags, options=options, extra=new.extras,
        )  # fmt: skip
        session.add(project)
        session.flush()
        session.add_all(Ancestor(project_id=key, ancestor_id=ancestor_id) for ancestor_id in above)
        return project

    return json_body(201, {"project": render(call, create(call, Project, key, build, _conflict(new.name)))})


def _place(call: Call, session: Session, new: NewProject) -> tuple[str, str | None, set[str]]:
    """Domain, parent project and all ancestors of a project to be."""
    parent = session.get(Project, new.parent_id) if new.parent_id else None
    if parent is None:
        domain_id = new.domain_id or new.parent_id or call.usual_domain()
        get_row(session, Domain, domain_id, "domain")
        if new.parent_id not in (None, domain_id):
            raise NotFound(f"Could not find project: {new.parent_id}.")
        return domain_id, None, {domain_id}
    if new.domain_id not in (None, parent.domain_id):
        raise BadRequest("A project is in the domain of its parent.")
    above = set(session.scalars(select(Ancestor.ancestor_id).where(Ancestor.project_id == parent.id))) | {parent.id}
    if len(above) >= DEEPEST_TREE:
        raise Forbidden(f"Max hierarchy depth reached for {parent.id} branch.")
    return parent.domain_id, parent.id, above


def _is_domain(call: Call, project_id: str) -> bool:
    return call.read(lambda session: session.get(Domain, project_id)) is not None


@router.get("/projects")
def list_projects(call: CallDep) -> Response:
    domain_id = None if policy.reads_everything(call.access) else call.access.domain_id
    call.require_reader("list_projects", domain_id)
    if truth(call.query("is_domain") or "false"):
        roots = filtered(call, select(Domain), {"name": Domain.name, "enabled": Domain.enabled})
        return answer_list(call, "projects", roots, Domain.id, lambda row: render_domain(call, row))
    statement = filtered(
        call,
        select(Project),
        {"name": Project.name, "enabled": Project.enabled, "domain_id": Project.domain_id},
    )
    if domain_id is not None:
        statement = statement.where(Project.domain_id == domain_id)
    parent_id = call.query("parent_id")
    if parent_id is not None:
        top = (Project.domain_id == parent_id) & Project.parent_id.is_(None)
        statement = statement.where((Project.parent_id == parent_id) | top)
    asked = {key: call.query(key) for key in _TAG_KEYS}
    keep = (lambda row: tags_match(asked, row.tags)) if any(value is not None for value in asked.values()) else None
    return answer_list(call, "projects", statement, Project.id, lambda row: render(call, row), keep)


@router.get("/projects/{project_id}")
def show_project(project_id: str, call: CallDep) -> Response:
    row = call.read(lambda session: session.get(Project, project_id))
    if row is None:
        call.require_reader("get_project")
        domain = call.read(lambda session: get_row(session, Domain, project_id, "project"))
        return json_body(200, {"project": render_domain(call, domain)})
    call.require(policy.sees_project(call.access, row.id, row.domain_id), "get_project")
    return json_body(200, {"project": render(call, row)})


@router.patch("/projects/{project_id}")
def update_project(project_id: str, body: ChangedProjectBody, call: CallDep) -> Response:
    call.require_admin("update_project")
    new = body.project
    if _is_domain(call, project_id):
        return json_body(200, {"project": render_domain(call, domains.alter(call, project_id, new))})

    def work(session: Session) -> Project:
        row = get_row(session, Project, project_id, "project")
        refuse_immutable(row.options, "project", project_id, new.options)
        refuse_move(new.given, "domain_id", row.domain_id, "Domain ID")
        refuse_move(new.given, "is_domain", False, "is_domain")
        if "parent_id" in new.given and new.parent_id != (row.parent_id or row.domain_id):
            raise Forbidden("Update of `parent_id` is not allowed.")
        row.name = row.name if new.name is None else new.name
        row.enabled = row.enabled if new.enabled is None else new.enabled
        row.tags = row.tags if new.tags is None else new.tags
        if "description" in new.given:
            row.description = new.description or ""
        row.options = changed_options(row.options, new.options, RESOURCE_OPTIONS)
        row.extra = merged(row.extra, new.extras)
        return row

    return json_body(200, {"project": render(call, change(call, work, _conflict(new.name or "")))})


@router.delete("/projects/{project_id}")
def delete_project(project_id: str, call: CallDep) -> Response:
    call.require_admin("delete_project")
    if _is_domain(call, project_id):
        domains.remove(call, project_id)
        return no_content()

    def work(session: Session) -> None:
        row = get_row(session, Project, project_id, "project")
        refuse_immutable(row.options, "project", project_id)
        if session.scalar(select(exists().where(Project.parent_id == project_id))):
            raise Forbidden(f"Cannot delete project {project_id}: it is not a leaf in the hierarchy of projects.")
        session.execute(delete(Assignment).where(Assignment.target_id == project_id))
        session.execute(update(User).where(User.default_project_id == project_id).values(default_project_id=None))
        session.delete(row)

    once(call, work)
    return no_content()
