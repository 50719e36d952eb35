"""Block storage (Cinder v3): the API, and the work on the store that its rows ask for, in the same replicas."""

from pathlib import Path

MIGRATIONS = Path(__file__).parent / "migrations"
