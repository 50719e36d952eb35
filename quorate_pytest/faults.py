"""Faults of the running lab for the time of one test. Each is a lease: it ends even where pytest is killed."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from quorate_pytest.cloud import Cloud

if TYPE_CHECKING:
    from lab.leases.lease import Lease
    from lab.status_model import LabStatus

#: How long a fault lasts where nobody heals it, and how long the lab may take to be whole again.
SECONDS, PATIENCE, POLL = 300.0, 180.0, 0.3


def obstacle(cloud: Cloud) -> str:
    """Why nothing can be broken here, and what to do; empty where it can."""
    if cloud.is_embedded:
        return "an embedded cloud has no parts to break; `make up`, then `pytest --quorate-cloud quorate`"
    from lab.errors import LabError
    from lab.look import running_lab

    try:
        state = running_lab()
    except LabError as error:
        return error.message
    own = {f"{topology.identity_url}/v3" for topology in state.region_topologies}
    if cloud.auth_url.rstrip("/") not in own:
        return f"the cloud {cloud.name!r} is not the lab of this checkout; try `pytest --quorate-cloud quorate`"
    return ""


class Faults:
    """Breaks parts of the lab, by name or by what they do now (`galera:writer`, `lb:active`), and mends them."""

    def __init__(self) -> None:
        self._ordered: list[Lease] = []

    def kill(self, *selectors: str, seconds: float = SECONDS) -> list[str]:
        """SIGKILL parts, all in one instant; their labels. `seconds`: when they start again at the latest."""
        return self._order("kill", selectors, seconds)

    def pause(self, *selectors: str, seconds: float = SECONDS) -> list[str]:
        """Freeze parts: connections stay open, nothing answers."""
        return self._order("pause", selectors, seconds)

    def stop(self, *selectors: str, seconds: float = SECONDS) -> list[str]:
        """Stop parts gracefully."""
        return self._order("stop", selectors, seconds)

    def isolate(self, *selectors: str, seconds: float = SECONDS) -> list[str]:
        """Cut parts off the network; they go on alone."""
        return self._order("isolate", selectors, seconds)

    def heal(self) -> None:
        """Undo all that was broken here, and wait until it is whole again. Raises NotReadyError."""
        from lab.errors import LabError, NotReadyError
        from lab.leases.order import take_back

        ordered, self._ordered, failed = self._ordered, [], []
        for lease in reversed(ordered):
            try:
                take_back(lease)
            except LabError as error:
                failed.append(f"{lease.sentence(time.time())}: {error.message}")
        if failed:
            raise NotReadyError(f"Not healed: {'; '.join(failed)}. Try `quorate heal`.")
        if ordered:
            _wait_until_whole({label for lease in ordered for label in lease.labels})

    def _order(self, kind: str, selectors: Iterable[str], seconds: float) -> list[str]:
        from lab.leases.order import order

        ordered = order(kind, tuple(selectors), seconds)
        self._ordered.append(ordered)
        return list(ordered.labels)


@contextmanager
def until_healed() -> Iterator[Faults]:
    """Faults that are over with the context."""
    faults = Faults()
    try:
        yield faults
    finally:
        faults.heal()


def lacking(status: LabStatus, labels: Iterable[str]) -> list[str]:
    """Which of these parts do not work, and which copies of data are not complete. Pure."""
    from lab.status_model import Health
    from lab.topology import label

    wanted = set(labels)
    roles = [(region.site, role) for region in status.regions for role in region.roles]
    roles += [("", role) for role in status.outside.roles] if status.outside else []
    parts = [label(site, part.name) for site, role in roles for part in role.parts if part.health is not Health.GOOD]
    copies = [
        label(region.site, each)
        for region in status.regions
        for each in (*region.thin_queues, *region.thin_groups, *region.idle_groups)
    ]
    return [part for part in parts if part in wanted] + copies


def _wait_until_whole(labels: Iterable[str]) -> None:
    from lab.errors import NotReadyError
    from lab.look import look

    give_up = time.monotonic() + PATIENCE
    while left := lacking(look(), labels):
        if time.monotonic() > give_up:
            raise NotReadyError(f"Not whole {PATIENCE:.0f} s after the test: {', '.join(left)}; try `quorate heal`.")
        time.sleep(POLL)
