"""The compute API process: composition."""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, FastAPI

from services.compute import MIGRATIONS
from services.compute.api import (
    aggregates,
    flavor_access,
    flavors,
    hypervisors,
    image_proxy,
    instance_actions,
    keypairs,
    quota_sets,
    server_actions,
    server_metadata,
    servers,
    versions,
    volume_attachments,
    zones,
)
from services.compute.api import services as service_list
from services.compute.api.images import Images
from services.compute.api.parts import ApiParts
from services.compute.other_regions import OtherRegions
from services.compute.sealed import Seal
from services.compute.settings import ComputeSettings
from services.compute.volume_service import volume_client
from services.platform.broker import Broker
from services.platform.calls import Caller
from services.platform.database import Transactor
from services.platform.hints import Hinter, Hints
from services.platform.http import make_app
from services.platform.microversions import MicroversionLayer
from services.platform.migrations import is_current
from services.platform.named_faults import render_fault
from services.platform.server import serve
from services.platform.settings import read_settings
from services.platform.tokens import IdentityTokens, TokenCache, TokenValidator

RESOURCES = (
    servers,
    server_actions,
    server_metadata,
    volume_attachments,
    instance_actions,
    image_proxy,
    flavors,
    flavor_access,
    keypairs,
    aggregates,
    zones,
    hypervisors,
    service_list,
    quota_sets,
)


def routers() -> list[APIRouter]:
    """The version documents, and every resource under `/v2.1` and, for old clients, under `/v2`."""
    current, legacy = APIRouter(prefix="/v2.1"), APIRouter(prefix="/v2", include_in_schema=False)
    for module in RESOURCES:
        current.include_router(module.router)
        legacy.include_router(module.router)
    return [versions.router, current, legacy]


def build_app(
    settings: ComputeSettings, transactor: Transactor, broker: Broker, hints: Hinter, tokens: TokenValidator
) -> FastAPI:
    """The API's ASGI application on the given connections."""
    parts = ApiParts(
        transactor,
        hints,
        Caller(broker),
        Images(settings.image_url),
        settings,
        volume_client(settings),
        OtherRegions(settings.identity_url, settings.region),
        Seal(settings.service_password),
    )
    render = partial(render_fault, settings.identity_url)
    return make_app(
        "compute",
        routers(),
        render=render,
        ready=lambda: is_current(transactor.engine, MIGRATIONS),
        middleware=[lambda app: MicroversionLayer(app, served=versions.SERVED, render=render)],
        state={"parts": parts, "tokens": tokens},
    )


def main() -> None:
    settings = read_settings(ComputeSettings)
    broker = Broker(settings.broker_url, settings.queue_type)
    tokens = IdentityTokens(settings.identity_url, TokenCache(settings.token_cache_seconds))
    hints = Hints(broker)
    serve(build_app(settings, Transactor(settings.database_url), broker, hints, tokens), settings)
    hints.close()
