"""The composition root of a volume replica: the API, and the worker that does what the API has accepted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Depends, FastAPI

from services.platform.broker import Broker
from services.platform.consumer import Receiver
from services.platform.database import Transactor
from services.platform.hints import Hinter, Hints
from services.platform.http import make_app
from services.platform.microversions import MicroversionLayer
from services.platform.migrations import is_current
from services.platform.named_faults import render_fault
from services.platform.server import serve
from services.platform.service_token import ServiceToken
from services.platform.settings import read_settings
from services.platform.times import utcnow
from services.platform.tokens import IdentityTokens, TokenCache, TokenValidator
from services.platform.worker import Part, Periodic
from services.platform.worker import Worker as Parts
from services.volume import MIGRATIONS, topics
from services.volume.api import (
    absent,
    attachments,
    default_types,
    extensions,
    messages,
    metadata,
    qos_specs,
    quota_sets,
    snapshots,
    transfers,
    type_extra_specs,
    types,
    versions,
    volume_actions,
    volumes,
    zones,
)
from services.volume.api import services as service_list
from services.volume.api.parts import ApiParts
from services.volume.api.project import check_project, check_project_may_be_left_out
from services.volume.images import Images
from services.volume.liveness import Liveness
from services.volume.settings import VolumeSettings
from services.volume.stores import open_store
from services.volume.work.bench import Bench
from services.volume.work.keeper import Keeper
from services.volume.work.orphans import clear_orphans
from services.volume.work.purge import purge
from services.volume.work.worker import Worker
from services.volume.work.workshop import Workshop
from storage.client.block_store import BlockStore

RESOURCES = (
    volumes,
    volume_actions,
    snapshots,
    metadata,
    attachments,
    transfers,
    types,
    type_extra_specs,
    default_types,
    qos_specs,
    quota_sets,
    service_list,
    zones,
    messages,
    extensions,
    absent,
)


def routers() -> list[APIRouter]:
    """The version documents, and every resource with the project in its address and, from 3.67 on, without."""
    bare = APIRouter(prefix="/v3", dependencies=[Depends(check_project_may_be_left_out)], include_in_schema=False)
    full = APIRouter(prefix="/v3/{project_id}", dependencies=[Depends(check_project)])
    for module in RESOURCES:
        bare.include_router(module.router)
        full.include_router(module.router)
    return [versions.router, bare, full]


def image_client(settings: VolumeSettings) -> Images:
    """The image service as this replica sees it."""
    own = ServiceToken(settings.identity_url, settings.service_user, settings.service_password)
    return Images(settings.image_url, own)


def build_app(
    settings: VolumeSettings, transactor: Transactor, hints: Hinter, images: Images, tokens: TokenValidator
) -> FastAPI:
    """The API's ASGI application on the given connections."""
    render = partial(render_fault, settings.identity_url)
    return make_app(
        "volume",
        routers(),
        render=render,
        ready=lambda: is_current(transactor.engine, MIGRATIONS),
        middleware=[lambda app: MicroversionLayer(app, served=versions.SERVED, render=render)],
        state={"parts": ApiParts(transactor, hints, images, tokens, settings), "tokens": tokens},
    )


def parts(settings: VolumeSettings, transactor: Transactor, broker: Broker, images: Images) -> list[Part]:
    """Everything that runs in a replica besides the API."""

    def furnish(store: BlockStore, fenced: Callable[[], None]) -> list[Part]:
        bench = Bench(transactor, store, images, settings, utcnow)
        keeper = Keeper(transactor, settings.lease_seconds)
        worker = Worker(bench, keeper, fenced)
        return [
            keeper,
            _WhenReady(transactor, 1.0, worker.sweep, "sweep"),
            _WhenReady(transactor, settings.orphan_seconds, lambda: _clear(bench), "orphans"),
            Receiver(broker, topics.WORK, {"work": worker.work}, threads=settings.work_threads),
            worker,
        ]

    def forget() -> None:
        transactor.write(lambda session: purge(session, utcnow()))

    return [
        Liveness(transactor, settings),
        _WhenReady(transactor, 3600, forget, "purge"),
        Workshop(lambda: open_store(settings.store_url), furnish),
    ]


def _clear(bench: Bench) -> None:
    clear_orphans(bench)


class _WhenReady(Periodic):
    """Periodic work that needs the schema: until the bootstrap job has made it there is nothing to do."""

    def __init__(self, transactor: Transactor, seconds: float, work: Callable[[], None], name: str) -> None:
        ready = threading.Event()

        def run() -> None:
            if ready.is_set() or is_current(transactor.engine, MIGRATIONS):
                ready.set()
                work()

        super().__init__(seconds, run, name)


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings(VolumeSettings)
    transactor = Transactor(settings.database_url)
    broker = Broker(settings.broker_url, settings.queue_type)
    hints, images = Hints(broker), image_client(settings)
    tokens = IdentityTokens(settings.identity_url, TokenCache(settings.token_cache_seconds))
    app = build_app(settings, transactor, hints, images, tokens)
    running = Parts(parts(settings, transactor, broker, images))
    running.start()
    serve(app, settings)
    running.stop()
    hints.close()
