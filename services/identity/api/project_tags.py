"""`/v3/projects/{id}/tags`."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from sqlalchemy.orm import Session
from starlette.responses import Response

from services.identity import policy
from services.identity.api.common import Call, CallDep, get_row, once, v3_router
from services.identity.api.options import refuse_immutable
from services.identity.api.project_models import TagsBody
from services.identity.models import Project
from services.platform.faults import BadRequest, NotFound
from services.platform.http import json_body, no_content

router = v3_router()

MOST_TAGS = 80


def _readable(call: Call, project_id: str, rule: str) -> Project:
    row = call.read(lambda session: session.get(Project, project_id))
    domain_id = row.domain_id if row else ""
    call.require(policy.sees_project(call.access, project_id, domain_id), rule)
    if row is None:
        raise NotFound(f"Could not find project: {project_id}.")
    return row


def _change(call: Call, project_id: str, rule: str, new: Callable[[list[str]], list[str]]) -> list[str]:
    call.require_admin(rule)

    def work(session: Session) -> list[str]:
        row = get_row(session, Project, project_id, "project")
        refuse_immutable(row.options, "project", project_id)
        row.tags = new(row.tags)
        return row.tags

    return call.write(work)


def _answer(call: Call, project_id: str, tags: list[str]) -> Response:
    return json_body(200, {"tags": tags, "links": call.links(f"projects/{project_id}/tags")})


@router.get("/projects/{project_id}/tags")
def list_tags(project_id: str, call: CallDep) -> Response:
    return _answer(call, project_id, _readable(call, project_id, "list_project_tags").tags)


@router.put("/projects/{project_id}/tags")
def replace_tags(project_id: str, body: TagsBody, call: CallDep) -> Response:
    new = list(dict.fromkeys(body.tags))
    return _answer(call, project_id, _change(call, project_id, "update_project_tags", lambda _old: new))


@router.delete("/projects/{project_id}/tags")
def delete_tags(project_id: str, call: CallDep) -> Response:
    _change(call, project_id, "delete_project_tags", lambda _old: [])
    return no_content()


@router.get("/projects/{project_id}/tags/{tag}")
def check_tag(project_id: str, tag: str, call: CallDep) -> Response:
    if tag not in _readable(call, project_id, "get_project_tag").tags:
        raise NotFound(f"Could not find project tag: {tag}.")
    return no_content()


@router.put("/projects/{project_id}/tags/{tag}")
def add_tag(project_id: str, tag: str, call: CallDep) -> Response:
    def new(old: list[str]) -> list[str]:
        added = old if tag in old else [*old, tag]
        if len(added) > MOST_TAGS or len(tag) > 255 or "," in tag:
            raise BadRequest("A project has at most 80 tags of at most 255 characters, none of them a comma.")
        return added

    _change(call, project_id, "create_project_tag", new)
    return no_content(201, {"Location": call.url(f"projects/{project_id}/tags/{quote(tag)}")})


@router.delete("/projects/{project_id}/tags/{tag}")
def delete_tag(project_id: str, tag: str, call: CallDep) -> Response:
    call.require_admin("delete_project_tag")

    def work(session: Session) -> None:
        row = get_row(session, Project, project_id, "project")
        refuse_immutable(row.options, "project", project_id)
        if tag not in row.tags:
            raise NotFound(f"Could not find project tag: {tag}.")
        row.tags = [other for other in row.tags if other != tag]

    once(call, work)
    return no_content()
