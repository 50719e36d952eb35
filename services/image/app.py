"""The composition root of an image replica."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from fastapi import FastAPI
from msgspec.structs import replace

from services.image import actions, bootstrap, data, images, members, schemas, tags, versions
from services.image.directory_store import DirectoryStore
from services.image.faults import glance_faults
from services.image.rendering import Documents
from services.image.service import Service
from services.image.settings import ImageSettings
from services.image.store import BlobStore
from services.image.sweep import Sweep
from services.image.swift_account import Account
from services.image.swift_store import SwiftStore
from services.image.swift_writer import MOST_SEGMENTS
from services.image.uploads import Uploads
from services.platform.database import Transactor
from services.platform.http import make_app
from services.platform.server import serve
from services.platform.service_token import ServiceToken
from services.platform.settings import read_settings
from services.platform.tokens import IdentityTokens, TokenCache, TokenValidator
from services.platform.worker import Periodic

#: For image data: three for the upload that has the machine for itself, and some for those who share it.
_DATA_THREADS: Final = 12


def build_app(settings: ImageSettings, transactor: Transactor, tokens: TokenValidator) -> FastAPI:
    """The image service's application. Whoever serves it also starts `sweeper(app)`."""
    if settings.object_urls:
        largest = min(settings.image_size_limit, MOST_SEGMENTS * settings.object_segment_bytes)
        settings = replace(settings, image_size_limit=largest)
    service = Service(
        settings=settings,
        transactor=transactor,
        store=_store(settings),
        uploads=Uploads(transactor, settings.upload_lease_seconds),
        threads=ThreadPoolExecutor(_DATA_THREADS, thread_name_prefix="image-data"),
        documents=Documents(),
    )
    return make_app(
        "image",
        [part.router for part in (versions, images, data, members, tags, actions, schemas)],
        render=glance_faults(settings.identity_url),
        ready=lambda: bootstrap.is_current(transactor.engine),
        is_upload=data.is_upload,
        state={"tokens": tokens, "service": service},
    )


def _store(settings: ImageSettings) -> BlobStore:
    roots = settings.object_urls.replace(",", " ").split()
    if not roots:
        return DirectoryStore(settings.data_dir / "images")
    own = ServiceToken(settings.identity_url, settings.service_user, settings.service_password)
    return SwiftStore(Account(roots, own), settings.object_segment_bytes)


def sweeper(app: FastAPI) -> Periodic:
    """The periodic work of the replica that serves `app`, not started yet."""
    service: Service = app.state.service
    sweep = Sweep(service, lambda: bootstrap.is_current(service.transactor.engine))
    return Periodic(service.settings.sweep_seconds, sweep.once, "sweep")


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings(ImageSettings)
    transactor = Transactor(settings.database_url)
    tokens = IdentityTokens(settings.identity_url, TokenCache(settings.token_cache_seconds))
    app = build_app(settings, transactor, tokens)
    sweeping = sweeper(app)
    sweeping.start()
    serve(app, settings)
    sweeping.stop()
