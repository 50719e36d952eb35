"""The catalog: which services there are, and at what addresses a token's bearer reaches them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.models import Endpoint, Service

#: `%(project_id)s` and `$(project_id)s`, in either notation.
_PLACEHOLDER = re.compile(r"[%$]\((\w+)\)s")
KNOWN_PLACEHOLDERS = frozenset({"project_id", "tenant_id", "user_id"})


@dataclass(frozen=True, slots=True)
class CatalogEndpoint:
    id: str
    interface: str
    region_id: str | None
    url: str


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    id: str
    type: str
    name: str
    endpoints: Sequence[CatalogEndpoint]


def load_catalog(session: Session) -> list[CatalogEntry]:
    """All enabled services with their enabled endpoints, those that have none included."""
    endpoints: dict[str, list[CatalogEndpoint]] = {}
    columns = (Endpoint.service_id, Endpoint.id, Endpoint.interface, Endpoint.region_id, Endpoint.url)
    for service_id, key, interface, region_id, url in session.execute(
        select(*columns).where(Endpoint.enabled).order_by(Endpoint.id)
    ):
        endpoints.setdefault(service_id, []).append(CatalogEndpoint(key, interface, region_id, url))
    services = session.execute(
        select(Service.id, Service.type, Service.name).where(Service.enabled).order_by(Service.type, Service.id)
    )
    return [CatalogEntry(row.id, row.type, row.name or "", endpoints.get(row.id, [])) for row in services]


def unknown_placeholder(url: str) -> str | None:
    """The first placeholder in `url` that nobody could fill in."""
    return next((name for name in _PLACEHOLDER.findall(url) if name not in KNOWN_PLACEHOLDERS), None)


def render(entries: Sequence[CatalogEntry], *, user_id: str, project_id: str | None) -> list[dict[str, Any]]:
    """The catalog as tokens carry it. Endpoints that need a project are left out of tokens that have none."""
    values = {"user_id": user_id}
    if project_id is not None:
        values |= {"project_id": project_id, "tenant_id": project_id}
    return [
        {
            "id": entry.id,
            "type": entry.type,
            "name": entry.name,
            "endpoints": [
                {
                    "id": endpoint.id,
                    "interface": endpoint.interface,
                    "region_id": endpoint.region_id,
                    "region": endpoint.region_id,
                    "url": url,
                }
                for endpoint in entry.endpoints
                if (url := _filled_in(endpoint.url, values)) is not None
            ],
        }
        for entry in entries
    ]


def _filled_in(url: str, values: Mapping[str, str]) -> str | None:
    names = _PLACEHOLDER.findall(url)
    if not names:
        return url
    if any(name not in values for name in names):
        return None
    return _PLACEHOLDER.sub(lambda match: values[match[1]], url)
