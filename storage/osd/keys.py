"""Under which keys a store has what belongs to a placement group but is no object."""

from __future__ import annotations

from storage.names import ObjectId, Version


def log_key(version: Version) -> str:
    """Keys sort as versions do."""
    return f"log/{version[0]:010}/{version[1]:012}"


def missing_key(object_id: ObjectId) -> str:
    """One key for each object that is missing here."""
    return f"missing/{object_id.snap:016x}/{object_id.name}"
