"""Schema migrations: one alembic directory per service, run by the bootstrap job and by the embedded cloud.

A revision's file is named after it (`0002_more_tables.py` is revision `0002`), and revisions are numbered in order: so
a serving process knows the newest one without alembic, whose import would cost it 11 MB and a quarter of its start.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text
from sqlalchemy.exc import SQLAlchemyError


def upgrade(engine: Engine, directory: Path) -> None:
    """Bring the schema to the newest revision under `directory`. Harmless where it is there already, in part or whole.

    MariaDB commits each change of a schema by itself: a connection that is lost in the middle leaves half a revision.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(directory).replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        if connection.dialect.name in ("mysql", "mariadb"):
            event.listen(connection, "before_cursor_execute", _make_repeatable, retval=True)
        command.upgrade(config, "head")


def _make_repeatable(
    _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    return repeatable(statement), parameters


_REPEATABLE = (
    (re.compile(r"^(\s*CREATE TABLE)(?! IF)\b", re.IGNORECASE), r"\1 IF NOT EXISTS"),
    (re.compile(r"^(\s*DROP TABLE)(?! IF)\b", re.IGNORECASE), r"\1 IF EXISTS"),
    (re.compile(r"^(\s*CREATE (?:UNIQUE )?INDEX)(?! IF)\b", re.IGNORECASE), r"\1 IF NOT EXISTS"),
    (re.compile(r"^(\s*ALTER TABLE \S+ ADD COLUMN)(?! IF)\b", re.IGNORECASE), r"\1 IF NOT EXISTS"),
    (re.compile(r"^(\s*ALTER TABLE \S+ DROP COLUMN)(?! IF)\b", re.IGNORECASE), r"\1 IF EXISTS"),
)


def repeatable(statement: str) -> str:
    """A change of the schema as MariaDB does it only where it was not done before; anything else as it is. Pure."""
    for pattern, replacement in _REPEATABLE:
        statement = pattern.sub(replacement, statement)
    return statement


@cache
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
