"""Invariants: what was accepted is finished, on a host that has room, and was done exactly once. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from lab.hosts import overcommitted, too_much
from tests.lab.final_state import FINAL_STATUS, FinalState, Guest
from tests.lab.history import Operation, Outcome
from tests.lab.invariant import Invariant, Problem, of

#: What the fault of a server in ERROR must say to be a cause, and not a loss dressed up.
CAUSES = ("no valid host was found", "build attempts")
#: Actions on servers, and the order that each gives to the host.
ORDERS = {"reboot": "reboot", "stop": "power_off", "start": "power_on"}


def servers_are_final(operations: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Every server reached an end: ACTIVE (SHUTOFF where it was stopped), or ERROR with a fault that names a cause."""
    for server in state.servers or ():
        if server.task is not None or server.status not in FINAL_STATUS:
            yield Problem(f"server {server.name} ({server.id}) hangs in {server.status}, task {server.task}")
        elif server.status == "ERROR" and not any(cause in server.fault.lower() for cause in CAUSES):
            yield Problem(f"server {server.name} ({server.id}) is in ERROR without a cause: {server.fault!r}")


def hosts_are_not_overcommitted(_: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Neither by what is claimed of them nor by what the servers on them add up to."""
    for host in state.hosts or ():
        on_it = [server for server in state.servers or () if server.host == host.name]
        added = too_much(
            host,
            "servers",
            sum(server.vcpus for server in on_it),
            sum(server.memory_mb for server in on_it),
            sum(server.disk_gb for server in on_it),
        )
        yield from map(Problem, (*overcommitted(host), *added))


def guests_run_once(_: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Each server's guest is on its own host, was spawned there exactly once, and is on no other."""
    if state.guests is None or state.servers is None:
        return
    by_server: dict[str, list[Guest]] = defaultdict(list)
    for guest in state.guests:
        by_server[guest.server].append(guest)
        if guest.done.get("spawn", 0) > 1:
            yield Problem(f"the guest of {guest.server} was spawned {guest.done['spawn']} times on {guest.host}")
    for server in state.servers:
        running = [guest.host for guest in by_server[server.id] if not guest.is_gone]
        if server.status in {"ACTIVE", "SHUTOFF"} and running != [server.host]:
            where = " and ".join(sorted(running)) or "no host"
            yield Problem(f"server {server.name} ({server.id}) belongs on {server.host}, its guest is on {where}")
        if server.status == "ERROR" and server.host is None and running:
            yield Problem(f"server {server.name} ({server.id}) is in ERROR and runs on {running[0]}")


def actions_happened_once(operations: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Hosts carried out each accepted action once: as often as acknowledged, plus at most the unknown ones."""
    if state.guests is None:
        return
    for action, order in ORDERS.items():
        told = Counter(row for one in of(operations, f"{action} server", Outcome.OK) for row in one.ids)
        maybe = Counter(row for one in of(operations, f"{action} server", Outcome.UNKNOWN) for row in one.ids)
        for row in sorted(told.keys() | maybe.keys()):
            done = sum(guest.done.get(order, 0) for guest in state.guests if guest.server == row)
            if not told[row] <= done <= told[row] + maybe[row]:
                known = f"{told[row]} acknowledged, {maybe[row]} unknown"
                yield Problem(f"{action} of {row}: {known}, done {done} times", is_loss=done < told[row])


INVARIANTS: tuple[Invariant, ...] = (
    servers_are_final,
    hosts_are_not_overcommitted,
    guests_run_once,
    actions_happened_once,
)
