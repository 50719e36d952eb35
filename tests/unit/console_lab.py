"""A lab for the console made by hand: two regions, all well, and what becomes of them in a failover."""

from __future__ import annotations

from dataclasses import replace

from lab.console.snapshot import Snapshot
from lab.status_model import Health, LabStatus, OutsideStatus, PartStatus, RegionStatus, RoleStatus
from lab.topology import OUTSIDE, Topology, label

TOPOLOGY = Topology("blue", "10.123.44", 24680, regions=2)
SAYS = {"mon": "in quorum", "osd": "up, in", "galera": "synced", "lb": "stands by", "edge": "publishes identity"}


def region(site: str, regions: int = 2) -> RegionStatus:
    """A region where all is well."""
    topology = Topology("blue", "10.123.44", 24680, regions=regions).at(site)
    roles = tuple(
        RoleStatus(
            role,
            tuple(
                PartStatus(part.name, role, topology.address(part), "running", Health.GOOD, SAYS.get(role, "works"))
                for part in topology.parts
                if part.role == role
            ),
        )
        for role in topology.roles
    )
    leaders = {"conductor": "mq2", "scheduler": "mq1"}
    return RegionStatus("blue", topology.region, site, topology.vip, "lb1", True, "proxysql", "", "db1", 3, leaders,
                        (), (), (), roles)  # fmt: skip


def outside(way: str = "") -> OutsideStatus:
    """The third site."""
    topology = TOPOLOGY.at(OUTSIDE)
    roles = tuple(
        RoleStatus(
            part.role, (PartStatus(part.name, part.role, topology.address(part), "running", Health.GOOD, "works"),)
        )
        for part in topology.parts
    )
    return OutsideStatus(roles, way)


def broken(status: RegionStatus, **states: str) -> RegionStatus:
    """The same region with some parts in other states of their containers; `doubt` is a part that runs and fails."""

    def changed(part: PartStatus) -> PartStatus:
        state = states.get(part.name)
        if state == "doubt":
            return replace(part, health=Health.DOUBTFUL, says="does not answer")
        return replace(part, container=state, health=Health.DOWN, says="") if state else part

    roles = tuple(RoleStatus(role.role, tuple(changed(part) for part in role.parts)) for role in status.roles)
    return replace(status, roles=roles)


def well(regions: int = 2) -> Snapshot:
    """Nothing is broken."""
    sites = ("one", "two")[:regions]
    status = LabStatus("blue", tuple(region(site, regions) for site in sites), outside() if regions > 1 else None)
    return Snapshot(status, anycast="10.123.44.11" if regions > 1 else "")


def failed_over() -> Snapshot:
    """The writer is dead and another took over; so did the second load balancer; more is broken in other ways."""
    calm = well()
    one, two = calm.status.regions
    one = broken(replace(one, writer="db2", address_holder="lb2"), db1="dead", lb1="paused", identity2="doubt")
    two = broken(two, sdb1="cut off", osd3="dead")
    return replace(calm, status=replace(calm.status, regions=(one, two), outside=outside("one-two: 80 ms each way")))


def labels(snapshot: Snapshot) -> set[str]:
    """What every part is called."""
    regions = snapshot.status.regions
    named = {label(own.site, part.name) for own in regions for role in own.roles for part in role.parts}
    third = snapshot.status.outside
    return named | ({part.name for role in third.roles for part in role.parts} if third else set())
