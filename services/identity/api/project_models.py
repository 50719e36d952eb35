"""Projects as bodies and as answers."""

from __future__ import annotations

from typing import Any

from services.identity.api.common import Body, Call
from services.identity.api.options import IdText, Options, ShortName, Tags
from services.identity.models import Domain, Project


class NewProject(Body):
    name: ShortName
    domain_id: IdText | None = None
    parent_id: IdText | None = None
    description: str | None = None
    enabled: bool = True
    is_domain: bool = False
    tags: Tags = []
    options: Options = {}


class NewProjectBody(Body):
    project: NewProject


class ChangedProject(Body):
    name: ShortName | None = None
    domain_id: str | None = None
    parent_id: str | None = None
    description: str | None = None
    enabled: bool | None = None
    is_domain: bool | None = None
    tags: Tags | None = None
    options: Options = {}


class ChangedProjectBody(Body):
    project: ChangedProject


class TagsBody(Body):
    tags: Tags


def render(call: Call, row: Project) -> dict[str, Any]:
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": row.domain_id,
        "parent_id": row.parent_id or row.domain_id,
        "description": row.description,
        "enabled": row.enabled,
        "is_domain": False,
        "tags": row.tags,
        "options": row.options,
        "links": call.links(f"projects/{row.id}"),
    }


def render_domain(call: Call, row: Domain) -> dict[str, Any]:
    """A domain as a project: the root of its tree."""
    return {
        **row.extra,
        "id": row.id,
        "name": row.name,
        "domain_id": None,
        "parent_id": None,
        "description": row.description,
        "enabled": row.enabled,
        "is_domain": True,
        "tags": row.tags,
        "options": row.options,
        "links": call.links(f"projects/{row.id}"),
    }


def tags_match(query: dict[str, str | None], tags: list[str]) -> bool:
    """The four ways to ask for tags: all of, any of, not all of, none of a list with commas."""
    has = set(tags)

    def wanted(name: str) -> set[str] | None:
        value = query.get(name)
        return set(value.split(",")) if value is not None else None

    all_of, any_of, not_all, none_of = (wanted(name) for name in ("tags", "tags-any", "not-tags", "not-tags-any"))
    return not (
        (all_of is not None and not all_of <= has)
        or (any_of is not None and not any_of & has)
        or (not_all is not None and not_all <= has)
        or (none_of is not None and none_of & has)
    )
