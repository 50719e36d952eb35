"""The replication engine's options: how patient the members are with each other, and whose word weighs how much.

A cluster within one region and one that spans regions differ only here and in what a node without a majority may do.
"""

from __future__ import annotations

from collections.abc import Mapping

COMMON = {"gcache.size": "16M", "gcache.recover": "yes"}

LOCAL = {
    # A silent member is suspected after half a second; the floor that the engine accepts is 0.3 s.
    "evs.keepalive_period": "PT0.1S",
    "evs.inactive_check_period": "PT0.05S",
    "evs.suspect_timeout": "PT0.5S",
    "evs.inactive_timeout": "PT1S",
    "evs.install_timeout": "PT0.5S",
    "evs.join_retrans_period": "PT0.1S",
    "evs.delay_margin": "PT0.1S",
}

DISTANT = {
    # A lost packet on a path of 160 ms costs half a second, and an outage of a second is not yet a death. What lies
    # near the time-out is worst: some members suspect a node that others hear, and they do not agree in time.
    "evs.keepalive_period": "PT0.1S",
    "evs.inactive_check_period": "PT0.1S",
    "evs.suspect_timeout": "PT2.5S",
    "evs.inactive_timeout": "PT5S",
    "evs.install_timeout": "PT3.5S",
    # A member that ends costs a wait of one of these, then one of the keepalive's: 0.1 s is the floor.
    "evs.join_retrans_period": "PT0.1S",
    "evs.delay_margin": "PT0.5S",
    # A member that was given up (`presence`) is remembered for so long, and while it is, the engine waits for it as for
    # any silent one when the membership changes again. No packet is that late: silent links are dropped after 3 s.
    "evs.view_forget_timeout": "PT5S",
    # Each commit takes a round trip: throughput comes from having many on their way.
    "evs.send_window": "512",
    "evs.user_send_window": "256",
    # A read that waits for what other regions have acknowledged gives up before its client does.
    "repl.causal_read_timeout": "PT3S",
}

ARBITRATOR_WEIGHT = 3
PREFERRED_WEIGHT, WEIGHT = 4, 3
"""The first region's nodes weigh more, so that exactly one region goes on when the arbitrator is lost first and the
regions lose each other then. Both regions with the arbitrator outweigh the other, nodes of one region outweigh the
arbitrator, and the arbitrator never outweighs a node: alone it is no cluster. `test_galera_shared` goes through all
of it."""


def node_options(segment: int) -> dict[str, str]:
    """Options of a data node; segment 0 is a cluster within one region."""
    if segment == 0:
        return {**COMMON, **LOCAL}
    weight = PREFERRED_WEIGHT if segment == 1 else WEIGHT
    return {**COMMON, **DISTANT, "gmcast.segment": str(segment), "pc.weight": str(weight)}


def arbitrator_options(segment: int) -> dict[str, str]:
    """Options of the arbitrator, which keeps no data."""
    timing = {name: value for name, value in DISTANT.items() if name.startswith("evs.")}
    return {**timing, "gmcast.segment": str(segment), "pc.weight": str(ARBITRATOR_WEIGHT)}


def written(options: Mapping[str, str]) -> str:
    """The form in which the engine takes its options."""
    return ";".join(f"{name}={value}" for name, value in options.items())
