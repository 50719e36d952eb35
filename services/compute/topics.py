"""The names under which the processes of compute reach one another over the broker."""

from __future__ import annotations

SCHEDULER = "scheduler"
CONDUCTOR = "conductor"


def agent(host: str) -> str:
    """The queue of the agent on `host`."""
    return f"agent.{host}"
