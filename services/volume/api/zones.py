"""The availability zones: there is one, and it is available while some replica lives."""

from __future__ import annotations

from fastapi import APIRouter
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response

from services.platform.authentication import Authenticated
from services.platform.http import json_body
from services.platform.strict_json import StrictJsonRoute
from services.platform.times import utcnow
from services.volume.api.parts import Parts
from services.volume.liveness import is_up
from services.volume.models import Service

router = APIRouter(route_class=StrictJsonRoute)


@router.get("/os-availability-zone")
def list_zones(context: Authenticated, parts: Parts) -> Response:
    settings = parts.settings

    def work(session: Session) -> bool:
        services = session.scalars(select(Service).where(Service.disabled.is_(False)))
        return any(is_up(one.last_seen_at, utcnow(), settings.down_after_seconds) for one in services)

    zone = {"zoneName": settings.availability_zone, "zoneState": {"available": parts.read(work)}}
    return json_body(200, {"availabilityZoneInfo": [zone]})
