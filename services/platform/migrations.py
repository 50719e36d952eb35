"""Schema migrations: one alembic directory per service, run by the bootstrap job and by the embedded cloud.

A revision's file is named after it (`0002_more_tables.py` is revision `0002`), and revisions are numbered in order: so
a serving process knows the newest one without alembic, whose import would cost it 11 MB and a quarter of its start.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError


def upgrade(engine: Engine, directory: Path) -> None:
    """Bring the schema to the newest revision under `directory`. Harmless where it is there already."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def newest_revision(directory: Path) -> str:
    """The last revision under `directory`."""
    return max(path.name.partition("_")[0] for path in (directory / "versions").glob("[0-9]*.py"))


def is_current(engine: Engine, directory: Path) -> bool:
    """Whether the schema is at the newest revision. False, too, while the database cannot be reached."""
    try:
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError:
        return False
    return bool(found == newest_revision(directory))


def run_environment() -> None:
    """The whole of every service's `migrations/env.py`: run the revisions on the connection that `upgrade` passed."""
    from alembic import context

    connection = context.config.attributes["connection"]
    context.configure(connection=connection, render_as_batch=connection.dialect.name == "sqlite")
    with context.begin_transaction():
        context.run_migrations()
