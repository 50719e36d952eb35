"""The next step for an instance, from its row alone. Pure: any conductor comes to the same conclusion at any time."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from services.compute.states import IMAGE_STEPS, ORDERS, Task

#: How long the image of a server whose host is away is waited for, from the end of its last step.
IMAGE_PATIENCE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class AskScheduler:
    """It needs a host."""


@dataclass(frozen=True, slots=True)
class PrepareVolumes:
    """Its host is to have the volumes before the guest is made with them."""


@dataclass(frozen=True, slots=True)
class TellAgent:
    """Its host is to carry out `order`. Repeating it is harmless: the agent knows the order's number."""

    host: str
    order: str


@dataclass(frozen=True, slots=True)
class TryElsewhere:
    """Its host died before the guest ran: give the claim back and find another host."""

    dead_host: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No attempt is left."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUpImage:
    """The image that is being made of it will not be whole. The server itself stays what it is."""

    reason: str


@dataclass(frozen=True, slots=True)
class FinishDelete:
    """Nothing runs anywhere that could be reached: the row is all there is to delete."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Only its host can do it, and its host is away. The intent stays stored."""


Step = AskScheduler | PrepareVolumes | TellAgent | TryElsewhere | GiveUp | GiveUpImage | FinishDelete | Wait


def next_step(
    task: Task,
    host: str | None,
    tried: Collection[str],
    *,
    host_up: bool,
    build_attempts: int,
    waited: timedelta = timedelta(0),
) -> Step:
    """What is to be done now for an instance with `task` on `host` (None: none claimed yet), `waited` for until now."""
    if task is Task.SCHEDULING:
        return AskScheduler()
    if host is None:
        # Only a delete can be asked of an instance that never got a host.
        return FinishDelete()
    if host_up:
        return PrepareVolumes() if task is Task.BLOCK_DEVICE_MAPPING else TellAgent(host, ORDERS[task])
    if task in (Task.BLOCK_DEVICE_MAPPING, Task.SPAWNING):
        if len(tried) + 1 >= build_attempts:
            return GiveUp(f"Exceeded {build_attempts} build attempts; the last was on {host}, which stopped answering.")
        return TryElsewhere(host)
    if task in IMAGE_STEPS and waited > IMAGE_PATIENCE:
        return GiveUpImage(f"{host}, which has the disk, stopped answering.")
    # A guest on a host that comes back is destroyed when the host reports it (inventory).
    return FinishDelete() if task is Task.DELETING else Wait()
