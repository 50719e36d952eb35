"""Alembic's entry point for this service."""

from services.platform.migrations import run_environment

run_environment()
