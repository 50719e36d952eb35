"""Healthy or not, by the times of good answers alone. Pure.

A refusal and a silence are the same: no good answer. So a dead service, a frozen one and a lost region are noticed
equally soon, and one unlucky answer changes nothing.
"""

from __future__ import annotations

from typing import NamedTuple


class Patience(NamedTuple):
    """When to change one's mind, in seconds."""

    silence: float  # without a good answer: no longer healthy
    recovery: float  # of good answers, none missing for so long: healthy again


class Health(NamedTuple):
    """What is known of one service."""

    healthy: bool = False
    good_at: float = float("-inf")
    well_since: float | None = None
    excused: float = 0.0  # how much of the silence since then was forgiven


def heard(health: Health, good: bool, now: float) -> Health:
    """An answer came."""
    if not good:
        return health if health.healthy else health._replace(well_since=None)
    well_since = now if health.well_since is None else health.well_since
    return health._replace(good_at=now, well_since=well_since, excused=0.0)


def judged(health: Health, now: float, patience: Patience) -> Health:
    """What to think of it now."""
    if now - health.good_at >= patience.silence:
        return health._replace(healthy=False, well_since=None)
    recovered = health.well_since is not None and now - health.well_since >= patience.recovery
    return health._replace(healthy=health.healthy or recovered)


def forgiven(health: Health, lateness: float, patience: Patience) -> Health:
    """The judge itself was not running for so long: that is not the service's silence, up to half of the patience."""
    time = min(lateness, patience.silence / 2 - health.excused)
    return health._replace(good_at=health.good_at + time, excused=health.excused + time)
