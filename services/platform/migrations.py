"""Schema migrations: one alembic directory per service, run by the bootstrap job and by the embedded cloud."""

from __future__ import annotations

from pathlib import Path

from alembic import command, script
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError


def _config(directory: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    return config


def upgrade(engine: Engine, directory: Path) -> None:
    """Bring the schema to the newest revision under `directory`. Harmless where it is there already."""
    config = _config(directory)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(engine: Engine, directory: Path) -> bool:
    """Whether the schema is at the newest revision. False, too, while the database cannot be reached."""
    head = script.ScriptDirectory.from_config(_config(directory)).get_current_head()
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() == head
    except SQLAlchemyError:
        return False


def run_environment() -> None:
    """The whole of every service's `migrations/env.py`: run the revisions on the connection that `upgrade` passed."""
    from alembic import context

    connection = context.config.attributes["connection"]
    context.configure(connection=connection, render_as_batch=connection.dialect.name == "sqlite")
    with context.begin_transaction():
        context.run_migrations()
