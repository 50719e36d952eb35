"""Run by alembic."""

from services.platform.migrations import run_environment

run_environment()
