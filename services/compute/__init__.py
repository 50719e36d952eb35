"""Compute (Nova v2.1): four processes, `api`, `scheduler`, `conductor` and `agent`, around one data model."""

from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"
