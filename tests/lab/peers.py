"""What others published about the same faults."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.lab.record import Record

DOCS = "OpenStack performance-docs"


@dataclass(frozen=True)
class Peer:
    """A published number, and the fault here that is nearest to its scenario."""

    fault: str
    scenario: str
    published: str
    source: str = DOCS
    meter: str = ""

    def here(self, runs: Sequence[Record]) -> str:
        """The same of this region: the median, with the time to full redundancy."""
        whole = statistics.median(run.redundant_after for run in runs)
        gaps = [run.gaps[self.meter] for run in runs if self.meter in run.gaps]
        gap = (
            f"{statistics.median(gaps):.2f} s ({self.meter})" if gaps else f"{sum(r.failed_safe for r in runs)} failed"
        )
        return f"{gap}, whole again after {whole:.1f} s"


PEERS = (
    Peer(
        "identity",
        "kill keystone on one of three controllers",
        "downtime 0.04 s (packages), 2.8 s (containers); MTTR 2.3 s, 8.3 s",
        meter="fresh connections",
    ),
    Peer(
        "writer-kill",
        "kill one Galera node, keystone authentication",
        "downtime 14.7 s (packages), no errors (containers)",
        meter="writes",
    ),
    Peer(
        "queue-kill",
        "RPC calls during a broker kill, HA queues",
        "0 to 1 lost of 14,846 to 27,208; slowest 2.05 s",
        meter="RPC",
    ),
    Peer(
        "one-of-each",
        "reboot a controller with RabbitMQ",
        "downtime 8.7 s (packages), 478 s (containers); MTTR 287 s, 570 s",
        meter="writes",
    ),
    Peer(
        "writer-cut",
        "cut a controller's management network",
        "downtime 358 s, still broken ten minutes later",
        meter="writes",
    ),
    Peer("lb-kill", "detection, three advertisements of 1 s", "3.0 to 3.6 s", "VRRP's defaults", "fresh connections"),
    Peer("writer-pause", "suspicion of a silent node", "5 s", "Galera's defaults", "writes"),
)
