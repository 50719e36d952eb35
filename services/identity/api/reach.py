"""Where somebody has a role: `/v3/auth/projects`, `/v3/auth/domains`, `/v3/auth/system`, `/v3/users/{id}/projects`."""

from __future__ import annotations

from sqlalchemy import Select, or_, select
from starlette.responses import Response

from services.identity.api import domains, project_models
from services.identity.api.common import Call, CallDep, v3_router
from services.identity.api.lists import answer_list, filtered
from services.identity.api.users import visible_user
from services.identity.models import SYSTEM, Ancestor, Assignment, Domain, Membership, Project
from services.identity.token_facts import assigned_role_ids
from services.platform.http import json_body

router = v3_router()

PROJECT_FILTERS = {"name": Project.name, "enabled": Project.enabled, "domain_id": Project.domain_id}


def _targets(user_id: str, *, inherited: bool) -> Select[str]:
    """What the user or one of the user's groups has a role on."""
    groups = select(Membership.group_id).where(Membership.user_id == user_id)
    mine = or_(Assignment.actor_id == user_id, Assignment.actor_id.in_(groups))
    return select(Assignment.target_id).where(mine, Assignment.inherited.is_(inherited))


def _projects(user_id: str) -> Select[Project]:
    below = select(Ancestor.project_id).where(Ancestor.ancestor_id.in_(_targets(user_id, inherited=True)))
    return select(Project).where(or_(Project.id.in_(_targets(user_id, inherited=False)), Project.id.in_(below)))


def _answer(call: Call, path: str, statement: Select[Project]) -> Response:
    statement = filtered(call, statement, PROJECT_FILTERS)
    return answer_list(call, path, statement, Project.id, lambda row: project_models.render(call, row))


@router.get("/users/{user_id}/projects")
def list_projects_of(user_id: str, call: CallDep) -> Response:
    visible_user(call, user_id, "list_user_projects")
    return _answer(call, f"users/{user_id}/projects", _projects(user_id))


@router.get("/auth/projects")
def list_own_projects(call: CallDep) -> Response:
    enabled_domains = select(Domain.id).where(Domain.enabled)
    usable = _projects(call.access.user_id).where(Project.enabled, Project.domain_id.in_(enabled_domains))
    return _answer(call, "auth/projects", usable)


@router.get("/auth/domains")
def list_own_domains(call: CallDep) -> Response:
    statement = select(Domain).where(Domain.enabled, Domain.id.in_(_targets(call.access.user_id, inherited=False)))
    return answer_list(call, "auth/domains", statement, Domain.id, lambda row: domains.render(call, row))


@router.get("/auth/system")
def list_own_systems(call: CallDep) -> Response:
    held = call.read(lambda session: assigned_role_ids(session, call.access.user_id, SYSTEM))
    systems = [{"all": True}] if held else []
    return json_body(200, {"system": systems, "links": call.links("auth/system")})
