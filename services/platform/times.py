"""Times as OpenStack writes them. Inside, a time is a naive UTC datetime (as the database stores it)."""

from __future__ import annotations

from datetime import UTC, datetime


def utcnow() -> datetime:
    """Now, UTC, without zone, to the microsecond."""
    return datetime.now(UTC).replace(tzinfo=None)


def from_epoch(seconds: float) -> datetime:
    """The naive UTC datetime of `seconds` since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)


def to_epoch(moment: datetime) -> float:
    """Seconds since the epoch of a naive UTC datetime."""
    return moment.replace(tzinfo=UTC).timestamp()


def zulu(moment: datetime) -> str:
    """`2026-11-23T18:00:00Z`: compute and image."""
    return moment.isoformat(timespec="seconds") + "Z"


def zulu_micro(moment: datetime) -> str:
    """`2026-11-23T18:00:00.000000Z`: identity."""
    return moment.isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime:
    """A naive UTC datetime from ISO 8601 with or without zone. Raises ValueError."""
    moment = datetime.fromisoformat(text.strip().replace(" ", "T"))
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
