"""Process 1 of a name server: watches the regions' services, and runs PowerDNS, which asks it for every record.

Wants SUBNETS (the first three bytes of each region's network, region one first) and ANYCAST.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Mapping

from health.probe import Target, Watch
from health.verdict import Patience

from nameserver import zone
from nameserver.backend import Backend

QUESTIONS = {
    "identity": (5000, "/healthcheck/database"),
    "image": (9292, "/healthcheck/database"),
    "object": (8080, "/healthcheck"),
}
INTERVAL = 0.5
# A path of 160 ms there and back answers in a third of a second; a lost region is noticed within one. What a client may
# add is its resolver's second of patience with a silent name server, and the time to live.
PATIENCE = Patience(silence=1.0, recovery=10.0)
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


class Regions:
    """What is thought of each region's services, by `site service`."""

    def __init__(self, subnets: Mapping[str, str]) -> None:
        self.targets = [
            Target(f"{site} {service}", f"{subnet}.{zone.VIP}", port, path)
            for site, subnet in subnets.items()
            for service, (port, path) in QUESTIONS.items()
        ]
        self.healthy: dict[tuple[str, str], bool] = {}
        self.well_since: dict[tuple[str, str], float] = {}

    def follow(self, verdicts: Mapping[str, bool], well_since: Mapping[str, float]) -> None:
        """Keep the verdicts; say what changed."""
        now = {_site_and_service(name): well for name, well in verdicts.items()}
        self.well_since = {_site_and_service(name): moment for name, moment in well_since.items()}
        for (site, service), well in now.items():
            if well != self.healthy.get((site, service), False):
                print(f"dns: {service} of region {site} is {'healthy' if well else 'not healthy'}", flush=True)
        self.healthy = now


def _site_and_service(name: str) -> tuple[str, str]:
    site, service = name.split()
    return site, service


def main() -> int:
    """Serve until PowerDNS ends or a stop is asked for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.excepthook = end_with
    subnets = dict(zip(("one", "two"), os.environ["SUBNETS"].split(), strict=True))
    anycast = os.environ["ANYCAST"]
    regions = Regions(subnets)
    Backend(lambda: zone.records(subnets, anycast, regions.healthy, regions.well_since)).start()
    watch = Watch(regions.targets, INTERVAL, PATIENCE)

    def follow(verdicts: Mapping[str, bool]) -> None:
        regions.follow(verdicts, watch.well_since())

    threading.Thread(target=watch.run, args=(follow,), daemon=True, name="watch").start()
    time.sleep(2 * INTERVAL)  # who answers before the first look names the dead, too
    pdns = os.posix_spawnp("pdns_server", ["pdns_server"], os.environ, setsigmask=())
    while signal.sigwaitinfo(SIGNALS).si_signo == signal.SIGCHLD:
        if os.waitpid(pdns, os.WNOHANG)[0] == pdns:
            print("dns: PowerDNS ended; stopping", flush=True)
            return 1
    os.kill(pdns, signal.SIGTERM)
    return 0


def end_with(failure: threading.ExceptHookArgs) -> None:
    """A name server that lost a thread ends: the other region's answers."""
    print(f"dns: {failure.thread and failure.thread.name} failed: {failure.exc_value!r}", flush=True)
    os._exit(1)


sys.exit(main())
