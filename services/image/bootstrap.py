"""The image service's share of the bootstrap job: its schema. There is no first data."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine

from services.platform import migrations

DIRECTORY = Path(__file__).parent / "migrations"


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; harmless where it is there."""
    migrations.upgrade(engine, DIRECTORY)


def is_current(engine: Engine) -> bool:
    """Whether the schema is at the newest revision."""
    return migrations.is_current(engine, DIRECTORY)
