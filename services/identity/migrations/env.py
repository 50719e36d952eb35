"""Alembic's entry; see services/platform/migrations.py."""

from services.platform.migrations import run_environment

run_environment()
