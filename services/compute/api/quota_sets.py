"""Quotas of projects, and the absolute limits that a user sees of them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.compute.api.body import MAX_INT, Body, Flag
from services.compute.api.parts import Parts
from services.compute.models import ProjectQuota
from services.compute.quotas import DEFAULTS, limits_of, lock_project, usage_of
from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Forbidden
from services.platform.http import json_body, no_content
from services.platform.microversions import Microversion, Version
from services.platform.strict_json import StrictJsonRoute

router = APIRouter(route_class=StrictJsonRoute)

Limit = Annotated[int, Field(ge=-1, le=MAX_INT)]

_UNTIL_35 = ("fixed_ips", "floating_ips", "security_groups", "security_group_rules")
_UNTIL_56 = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")


class QuotaChange(Body):
    instances: Limit | None = None
    cores: Limit | None = None
    ram: Limit | None = None
    metadata_items: Limit | None = None
    key_pairs: Limit | None = None
    server_groups: Limit | None = None
    server_group_members: Limit | None = None
    injected_files: Limit | None = None
    injected_file_content_bytes: Limit | None = None
    injected_file_path_bytes: Limit | None = None
    fixed_ips: Limit | None = None
    floating_ips: Limit | None = None
    security_groups: Limit | None = None
    security_group_rules: Limit | None = None
    force: Flag = False
    tenant_id: str | None = None


class QuotaChangeBody(Body):
    quota_set: QuotaChange


def names_at(version: Microversion) -> list[str]:
    """The resources that quotas name at a microversion."""
    hidden = (*(_UNTIL_35 if version.minor > 35 else ()), *(_UNTIL_56 if version.minor > 56 else ()))
    return [name for name in DEFAULTS if name not in hidden]


def _may_see(context: Context, project_id: str) -> None:
    if not context.sees_project(project_id):
        raise Forbidden("Policy doesn't allow os_compute_api:os-quota-sets:show to be performed.")


@router.get("/os-quota-sets/{project_id}")
def show_quota(project_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _may_see(context, project_id)
    limits = parts.transactor.read(lambda session: limits_of(session, project_id))
    return json_body(200, {"quota_set": {"id": project_id} | {name: limits[name] for name in names_at(version)}})


@router.get("/os-quota-sets/{project_id}/defaults")
def show_default_quota(project_id: str, context: Authenticated, version: Version) -> Response:
    return json_body(200, {"quota_set": {"id": project_id} | {name: DEFAULTS[name] for name in names_at(version)}})


@router.get("/os-quota-sets/{project_id}/detail")
def show_quota_in_detail(project_id: str, context: Authenticated, parts: Parts, version: Version) -> Response:
    _may_see(context, project_id)
    limits, usage = parts.transactor.read(
        lambda session: (limits_of(session, project_id), usage_of(session, project_id))
    )
    detail = {name: {"limit": limits[name], "in_use": usage.get(name, 0), "reserved": 0} for name in names_at(version)}
    return json_body(200, {"quota_set": {"id": project_id} | detail})


@router.put("/os-quota-sets/{project_id}")
def update_quota(
    project_id: str, body: QuotaChangeBody, context: Authenticated, parts: Parts, version: Version
) -> Response:
    context.require_admin()
    if len(project_id) > 64:
        raise BadRequest("The project id is too long.")
    changes = body.quota_set.model_dump(exclude={"force", "tenant_id"}, exclude_none=True)
    unknown = set(changes) - set(names_at(version))
    if unknown:
        raise BadRequest(f"Additional properties are not allowed ('{min(unknown)}' was unexpected).")

    def work(session: Session) -> dict[str, int]:
        row = lock_project(session, project_id)
        usage = usage_of(session, project_id)
        for name, limit in changes.items():
            if not body.quota_set.force and 0 <= limit < usage.get(name, 0):
                raise BadRequest(
                    f"Quota limit {limit} for {name} must be greater than or equal to already used and reserved "
                    f"{usage[name]}."
                )
        row.limits = {**row.limits, **changes}
        return {**DEFAULTS, **row.limits}

    limits = parts.transactor.write(work)
    return json_body(200, {"quota_set": {name: limits[name] for name in names_at(version)}})


@router.delete("/os-quota-sets/{project_id}")
def reset_quota(project_id: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        row = session.get(ProjectQuota, project_id)
        if row is not None:
            row.limits = {}

    parts.transactor.write(work)
    return no_content(202)


@router.get("/limits")
def show_limits(context: Authenticated, parts: Parts, version: Version, tenant_id: str | None = None) -> Response:
    project_id = tenant_id or context.project_id
    _may_see(context, project_id)
    limits, usage = parts.transactor.read(
        lambda session: (limits_of(session, project_id), usage_of(session, project_id))
    )
    absolute: dict[str, Any] = {
        "maxTotalInstances": limits["instances"],
        "maxTotalCores": limits["cores"],
        "maxTotalRAMSize": limits["ram"],
        "maxServerMeta": limits["metadata_items"],
        "maxTotalKeypairs": limits["key_pairs"],
        "maxServerGroups": limits["server_groups"],
        "maxServerGroupMembers": limits["server_group_members"],
        "totalInstancesUsed": usage["instances"],
        "totalCoresUsed": usage["cores"],
        "totalRAMUsed": usage["ram"],
        "totalServerGroupsUsed": 0,
    }
    if version.minor < 36:
        absolute |= {
            "maxTotalFloatingIps": limits["floating_ips"],
            "maxSecurityGroups": limits["security_groups"],
            "maxSecurityGroupRules": limits["security_group_rules"],
            "totalFloatingIpsUsed": 0,
            "totalSecurityGroupsUsed": 0,
        }
    if version.minor < 39:
        absolute["maxImageMeta"] = limits["metadata_items"]
    if version.minor < 57:
        absolute |= {
            "maxPersonality": limits["injected_files"],
            "maxPersonalitySize": limits["injected_file_content_bytes"],
        }
    return json_body(200, {"limits": {"rate": [], "absolute": absolute}})
