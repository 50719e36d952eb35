"""Quotas of projects and of the class `default`, and the absolute limits that a user sees of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.context import Context
from services.platform.faults import BadRequest, Forbidden
from services.platform.http import json_body, no_content
from services.platform.microversions import Version
from services.platform.pagination import flag
from services.platform.strict_json import StrictJsonRoute
from services.volume.api.body import Body, Limit, Text255
from services.volume.api.parts import Parts
from services.volume.models import ProjectQuota, QuotaClass
from services.volume.quotas import defaults, limits_of, lock_project, names, usage_of

router = APIRouter(route_class=StrictJsonRoute)

#: What clients send among the limits, and is none.
_NO_LIMITS = ("tenant_id", "id")


class QuotaBody(Body):
    quota_set: dict[Text255, Limit | str]


class QuotaClassBody(Body):
    quota_class_set: dict[Text255, Limit | str]


def _may_see(context: Context, project_id: str) -> None:
    if not context.sees_project(project_id):
        raise Forbidden("Policy doesn't allow volume_extension:quotas:show to be performed.")


def _changes(given: Mapping[str, int | str], known: list[str]) -> dict[str, int]:
    """The limits that are to be set. Raises BadRequest for names that there are not, and values that are no numbers."""
    changes: dict[str, int] = {}
    for name, value in given.items():
        if name in _NO_LIMITS:
            continue
        if name not in known:
            raise BadRequest(f"Bad key(s) in quota set: {name}")
        if not isinstance(value, int):
            raise BadRequest(f"Invalid input for field/attribute {name}. Value: {value[:50]}. It must be an integer.")
        changes[name] = value
    return changes


@router.get("/os-quota-sets/{of_project}")
def show_quota(request: Request, of_project: str, context: Authenticated, parts: Parts) -> Response:
    _may_see(context, of_project)
    with_usage = flag(request.query_params.get("usage"))

    def work(session: Session) -> dict[str, Any]:
        limits = limits_of(session, of_project)
        if not with_usage:
            return dict(limits)
        usage = usage_of(session, of_project)
        return {name: {"limit": limit, "in_use": usage.get(name, 0), "reserved": 0} for name, limit in limits.items()}

    return json_body(200, {"quota_set": {"id": of_project} | parts.read(work)})


@router.get("/os-quota-sets/{of_project}/defaults")
def show_default_quota(of_project: str, context: Authenticated, parts: Parts) -> Response:
    _may_see(context, of_project)
    shown = parts.read(lambda session: defaults(session, names(session)))
    return json_body(200, {"quota_set": {"id": of_project} | shown})


@router.put("/os-quota-sets/{of_project}")
def update_quota(of_project: str, body: QuotaBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    if len(of_project) > 64:
        raise BadRequest("The project id is too long.")

    def work(session: Session) -> dict[str, int]:
        changes = _changes(body.quota_set, names(session))
        row = lock_project(session, of_project)
        usage = usage_of(session, of_project)
        for name, limit in changes.items():
            if name != "per_volume_gigabytes" and 0 <= limit < usage.get(name, 0):
                raise BadRequest(
                    f"Quota {name} limit must be equal or greater than existing resources. Current usage is "
                    f"{usage[name]} and the requested limit is {limit}."
                )
        row.limits = {**row.limits, **changes}
        return limits_of(session, of_project)

    return json_body(200, {"quota_set": parts.write(work)})


@router.delete("/os-quota-sets/{of_project}")
def reset_quota(of_project: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> None:
        row = session.get(ProjectQuota, of_project)
        if row is not None:
            row.limits = {}

    parts.write(work)
    return no_content(200)


@router.get("/os-quota-class-sets/{name}")
def show_quota_class(name: str, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()

    def work(session: Session) -> dict[str, int]:
        row = session.get(QuotaClass, name)
        return defaults(session, names(session)) | dict(row.limits if row else {})

    return json_body(200, {"quota_class_set": {"id": name} | parts.read(work)})


@router.put("/os-quota-class-sets/{name}")
def update_quota_class(name: str, body: QuotaClassBody, context: Authenticated, parts: Parts) -> Response:
    context.require_admin()
    if len(name) > 255:
        raise BadRequest("The name of the quota class is too long.")

    def work(session: Session) -> dict[str, int]:
        changes = _changes(body.quota_class_set, names(session))
        row = session.get(QuotaClass, name)
        if row is None:
            row = QuotaClass(name=name, limits={})
            session.add(row)
        row.limits = {**row.limits, **changes}
        session.flush()
        return defaults(session, names(session)) | dict(row.limits)

    return json_body(200, {"quota_class_set": parts.write(work)})


@router.get("/limits")
def show_limits(request: Request, context: Authenticated, parts: Parts, version: Version) -> Response:
    """From 3.39 on, an administrator may ask for another project's."""
    query = request.query_params
    asked = query.get("project_id") or query.get("tenant_id")
    project_id = asked if asked and context.is_admin and version.minor >= 39 else context.project_id
    limits, usage = parts.read(lambda session: (limits_of(session, project_id), usage_of(session, project_id)))
    absolute = {
        "maxTotalVolumes": limits["volumes"],
        "maxTotalSnapshots": limits["snapshots"],
        "maxTotalVolumeGigabytes": limits["gigabytes"],
        "maxTotalBackups": limits["backups"],
        "maxTotalBackupGigabytes": limits["backup_gigabytes"],
        "totalVolumesUsed": usage["volumes"],
        "totalSnapshotsUsed": usage["snapshots"],
        "totalGigabytesUsed": usage["gigabytes"],
        "totalBackupsUsed": 0,
        "totalBackupGigabytesUsed": 0,
    }
    return json_body(200, {"limits": {"rate": [], "absolute": absolute}})
