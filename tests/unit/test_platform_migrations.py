"""Every service's migrations: numbered in order, and at their end what the models say."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from services.identity.models import Base as IdentityBase
from services.platform.database import Transactor
from services.platform.migrations import is_current, newest_revision, repeatable, upgrade

SERVICES = Path(__file__).parents[2] / "services"
DIRECTORIES = sorted(SERVICES.glob("*/migrations"))


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda directory: directory.parent.name)
def test_the_newest_revision_is_the_one_that_alembic_ends_at(directory: Path, tmp_path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(directory))
    assert newest_revision(directory) == ScriptDirectory.from_config(config).get_current_head()


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda directory: directory.parent.name)
def test_a_schema_is_current_once_it_is_upgraded_and_stays_so(directory: Path, tmp_path: Path) -> None:
    transactor = Transactor(f"sqlite:///{tmp_path}/db.sqlite")
    assert not is_current(transactor.engine, directory)
    upgrade(transactor.engine, directory)
    assert is_current(transactor.engine, directory)
    upgrade(transactor.engine, directory)
    transactor.close()


@pytest.mark.parametrize(
    ("statement", "wanted"),
    [
        ("\nCREATE TABLE users (\n id INTEGER)", "\nCREATE TABLE IF NOT EXISTS users (\n id INTEGER)"),
        ("CREATE UNIQUE INDEX ix_a ON a (b)", "CREATE UNIQUE INDEX IF NOT EXISTS ix_a ON a (b)"),
        ("CREATE INDEX ix_a ON a (b)", "CREATE INDEX IF NOT EXISTS ix_a ON a (b)"),
        ("ALTER TABLE images ADD COLUMN x INT", "ALTER TABLE images ADD COLUMN IF NOT EXISTS x INT"),
        ("ALTER TABLE images DROP COLUMN x", "ALTER TABLE images DROP COLUMN IF EXISTS x"),
        ("\nDROP TABLE finished_requests", "\nDROP TABLE IF EXISTS finished_requests"),
        ("CREATE TABLE IF NOT EXISTS a (b INT)", "CREATE TABLE IF NOT EXISTS a (b INT)"),
        ("INSERT INTO a VALUES ('CREATE TABLE x')", "INSERT INTO a VALUES ('CREATE TABLE x')"),
    ],
)
def test_a_change_of_the_schema_can_be_made_again(statement: str, wanted: str) -> None:
    assert repeatable(statement) == wanted


def test_identitys_migrations_make_the_tables_of_its_models(tmp_path: Path) -> None:
    transactor = Transactor(f"sqlite:///{tmp_path}/db.sqlite")
    upgrade(transactor.engine, SERVICES / "identity" / "migrations")
    with transactor.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), IdentityBase.metadata) == []
    transactor.close()
