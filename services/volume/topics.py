"""The name under which the replicas of the volume service hint one another at work."""

from __future__ import annotations

WORK = "volume"
