"""The composition root of the identity service."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI

from services.identity.api import ROUTERS
from services.identity.settings import IdentitySettings
from services.identity.state import Identity
from services.identity.wire import KeystoneManners, render_fault
from services.platform.database import Transactor
from services.platform.http import make_app
from services.platform.migrations import is_current
from services.platform.server import serve
from services.platform.settings import read_settings

MIGRATIONS = Path(__file__).parent / "migrations"


def build_app(settings: IdentitySettings, transactor: Transactor) -> FastAPI:
    """One identity replica on the database behind `transactor`."""
    identity = Identity.assemble(settings, transactor)
    return make_app(
        "identity",
        ROUTERS,
        render=render_fault,
        ready=lambda: is_current(transactor.engine, MIGRATIONS),
        middleware=[KeystoneManners],
        state={"identity": identity, "tokens": identity.tokens},
    )


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings(IdentitySettings)
    serve(build_app(settings, Transactor(settings.database_url)), settings)
