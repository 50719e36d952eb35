"""Thirty servers at once, and the moment in the middle of it."""

import threading
import time
from collections.abc import Callable

from lab.topology import Part
from tests.lab.load import create_server
from tests.lab.region import until
from tests.lab.trial import Trial

COUNT, THREADS, STRIKE_AFTER = 30, 3, 12


def strike_in_mid_build(trial: Trial, strike: Callable[[], Part]) -> list[Part]:
    """Ask for thirty servers from three threads and strike when twelve are accepted; returns when all are ACTIVE."""
    tenant = trial.tenant
    enough = threading.Event()
    accepted: list[str] = []

    def create(first: int) -> None:
        with tenant.client(trial.clients) as client:
            for number in range(first, COUNT, THREADS):
                made = create_server(client, tenant, f"{tenant.prefix}-build-{number}")
                if made:
                    accepted.append(made)
                if len(accepted) >= STRIKE_AFTER:
                    enough.set()

    threads = [threading.Thread(target=create, args=(first,), daemon=True) for first in range(THREADS)]
    for thread in threads:
        thread.start()
    assert enough.wait(60 * trial.region.slow), f"only {len(accepted)} of {COUNT} servers were accepted"
    struck = strike()
    began = time.monotonic()
    for thread in threads:
        thread.join(60 * trial.region.slow)
    trial.notes.append(f"{len(accepted)} of {COUNT} accepted")
    with tenant.client(trial.clients) as client:

        def not_active() -> str:
            listed = client.ask("GET", "compute", "/v2.1/servers/detail?limit=500").json().get("servers")
            status = {server["id"]: server["status"] for server in listed or ()}
            return ", ".join(f"{row} {status.get(row, '?')}" for row in accepted if status.get(row) != "ACTIVE")

        until(not_active, 60 * trial.region.slow, f"{COUNT} servers ACTIVE without help")
    trial.builds = time.monotonic() - began
    return [struck]
