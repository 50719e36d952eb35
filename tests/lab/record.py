"""What one run of one fault measured, and what the design asks of that fault."""

from dataclasses import dataclass, field

from tests.lab.second_try import Late

FRESH, POOLED, WRITES, RPC = "fresh connections", "pooled connection", "writes", "RPC"
ANYCAST, DNS = "anycast", "DNS"
BUILDS = "all 30 ACTIVE"
BLOCKS = "block writes"

SILENT = (
    "Clients of a broker that is silent, not dead, give it up after two seconds (confirm and heartbeat timeouts); a"
    " hint that went into it is replaced by the conductor's sweep, two to three seconds after the request."
)
#: Seconds.
ELSEWHERE = 0.5
FAILED = "safe requests failed"
ROUND = "A round crosses three queues, each message on the disks of two brokers before it is confirmed."


@dataclass(frozen=True)
class Target:
    """What the design promises for a fault; `why_missed` is what is known where it is not kept."""

    title: str
    limits: dict[str, float] = field(default_factory=dict)
    failed: int | None = None  # safe requests
    whole: float | None = None  # since mending began; tests bound the time since everything that was dead runs
    why_missed: str = ""
    #: The worst that is documented (README) where the promise is known not to be kept: a test holds to that, too.
    documented: dict[str, float] = field(default_factory=dict)


#: By the key of the fault. Seconds are the design's ("What must hold"), except those for builds, which it leaves open.
TARGETS: dict[str, Target] = {
    "identity": Target("SIGKILL of an identity replica", failed=0),
    "image": Target("SIGKILL of an image replica", failed=0),
    "compute-api": Target("SIGKILL of a compute-api replica", failed=0),
    "lb-kill": Target("SIGKILL of the active load balancer", {FRESH: 0.4, POOLED: 0.4}),
    "lb-haproxy": Target("death of its HAProxy process only", {FRESH: 0.1, POOLED: 0.1}),
    "lb-pause": Target("pause of the active load balancer", {FRESH: 0.4, POOLED: 0.4}),
    "writer-kill": Target("SIGKILL of the Galera writer", {WRITES: 1.0}),
    "writer-stop": Target("graceful stop of the Galera writer", {WRITES: 1.0}),
    "writer-cut": Target("isolation of the Galera writer, back by IST", {WRITES: 1.0}),
    "writer-pause": Target("pause of the Galera writer", {WRITES: 1.7}),
    "node-sst": Target("a Galera node with an empty disk, back by SST", {WRITES: 1.0}),
    "proxysql-kill": Target("SIGKILL of a ProxySQL", {WRITES: 0.3}),
    "queue-kill": Target(
        "SIGKILL of the leader of the conductor's queue", {RPC: 0.5}, why_missed=ROUND, documented={RPC: 0.7}
    ),
    "queue-cut": Target(
        "isolation of the leader of the conductor's queue", {RPC: 1.5}, why_missed=SILENT, documented={RPC: 3.8}
    ),
    "queue-pause": Target(
        "pause of the leader of the conductor's queue", {RPC: 1.5}, why_missed=SILENT, documented={RPC: 3.1}
    ),
    "queue-builds": Target(
        "SIGKILL of the leader of the conductor's queue in mid-build of 30", {BUILDS: 20.0}, failed=0
    ),
    "scheduler": Target("SIGKILL of a scheduler in mid-build of 30", {BUILDS: 20.0}, failed=0),
    "conductor": Target("SIGKILL of a conductor in mid-build of 30", {BUILDS: 20.0}, failed=0),
    "compute": Target("SIGKILL of a compute agent in mid-build of 30", {BUILDS: 30.0}, failed=0),
    "osd-kill": Target("SIGKILL of an OSD", {BLOCKS: 1.0}, failed=0),
    "osd-pause": Target("pause of an OSD", {BLOCKS: 3.0}, failed=0),
    "osd-cut": Target("isolation of an OSD", {BLOCKS: 3.0}, failed=0),
    "mon-kill": Target("SIGKILL of a monitor", {BLOCKS: 0.5}, failed=0),
    "mon-majority": Target("SIGKILL of two of three monitors", {BLOCKS: 0.5}, failed=0),
    "storage-power": Target("SIGKILL of every OSD and monitor at once, then `quorate up`"),
    "one-of-each": Target("SIGKILL of one of everything at once"),
    "all": Target("SIGKILL of every container at once, then `quorate up`"),
}
#: The same of regions. A write that all must certify waits until a lost member is given up.
REGION_TARGETS: dict[str, Target] = {
    "region-kill": Target(
        "SIGKILL of every container of region-one at once", {ANYCAST: 0.5, DNS: 4.0, WRITES: 4.0}, whole=30.0
    ),
    "region-freeze": Target("every container of region-one frozen", {DNS: 6.0}),
    "wan-cut": Target("the regions cut off from each other for a minute", {WRITES: 4.0}),
    "region-alone": Target("region-two cut off from everything", {WRITES: 4.0}),
    "arbitrator-kill": Target("SIGKILL of the arbitrator", {ANYCAST: 0.2, DNS: 0.2, WRITES: 0.6}),
    "third-site": Target("loss of the third site", {WRITES: 4.0}),
    "wan-flap": Target("the way between the regions, a second cut, a second not, for 20 s"),
    "wan-slow": Target("80 ms each way between the regions"),
}
TARGETS |= REGION_TARGETS


@dataclass(frozen=True)
class Record:
    """One run. Gaps in seconds by meter: before the fault, while it lasted, while the part came back."""

    fault: str
    run: int
    struck: tuple[str, ...]
    calm: dict[str, float]
    gaps: dict[str, float]
    returning: dict[str, float]
    requests: int
    failed_safe: int
    refused: int
    unknown: int
    redundant_after: float  # since mending began
    lost: int
    ruling: str
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()  # the requests that did not succeed, a line each
    started_after: float = 0.0  # since mending began, until everything that was dead runs again

    @property
    def converged_after(self) -> float:
        """Seconds from the moment when everything runs until everything works."""
        return self.redundant_after - self.started_after


def keeps(record: Record, slow: float) -> None:
    """Raises Late, or AssertionError where it is not a matter of time, unless everything promised was kept."""
    said = missed(record, slow)
    in_time = [sentence for sentence in said if not sentence.endswith(FAILED)]
    assert said == in_time, record
    if said:
        raise Late(f"{said}: {record}")


def missed(record: Record, slow: float) -> list[str]:
    """What the design promises and this run did not keep, in sentences. Pure.

    A gap may be longer than promised by what the same client waited just before the fault: that is the machine's part.
    A slow machine's processors are elsewhere for a while now and then, however short the limit.
    """
    elsewhere = ELSEWHERE if slow > 1 else 0.0
    target = TARGETS[record.fault]
    said = []
    for meter, limit in target.limits.items():
        allowed = max(limit * slow + elsewhere, target.documented.get(meter, 0.0)) + record.calm.get(meter, 0.0)
        if record.gaps.get(meter, 0.0) > allowed:
            said.append(f"{meter}: {record.gaps[meter]:.2f} s, at most {allowed:.2f} s")
    if target.whole is not None and record.converged_after > target.whole * slow:
        said.append(f"whole {record.converged_after:.0f} s after it ran again, at most {target.whole * slow:.0f} s")
    if target.failed is not None and record.failed_safe > target.failed:
        said.append(f"{record.failed_safe} {FAILED}")
    return said
