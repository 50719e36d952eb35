"""What the kernel is told: firewall, policy routes and queueing disciplines that carry out the links. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from router.lanes import ROOM
from router.links import SITES, Direction, Link

TUN = "wan0"
TABLE = 100


class Leg(NamedTuple):
    """The router's foot in one site."""

    site: str
    interface: str
    subnet: str  # its first three bytes

    @property
    def network(self) -> str:
        """The site's network."""
        return f"{self.subnet}.0/24"


Legs = Mapping[str, Leg]
Delays = Mapping[Direction, float]  # in milliseconds


def firewall(legs: Legs, anycast: str, links: Mapping[Direction, Link]) -> str:
    """The filter table for `iptables-restore`, which replaces it in one step.

    The lab's own networks reach each other and nothing else. The router's sessions with a region's load balancers
    cross the link between that region and the third site, where the router stands: they share its cut and its loss,
    both taken where packets come in (BIRD would report each one that it may not send).
    """
    own = [leg.network for leg in legs.values()] + [f"{anycast}/32"]
    lines = ["*filter", ":INPUT ACCEPT", ":FORWARD DROP", ":OUTPUT ACCEPT", ":LAB -"]
    # A redirect would be remembered by the sender, longer than the route is true.
    lines += ["-A OUTPUT -p icmp --icmp-type redirect -j DROP"]
    for here, there in links:
        here_port, there_port, link = legs[here].interface, legs[there].interface, links[here, there]
        lines += _drops(f"-A FORWARD -i {here_port} -o {there_port}", link)
        if "outside" in (here, there):
            lines += _drops(f"-A INPUT -i {there_port if here == 'outside' else here_port}", link)
    lines += [f"-A FORWARD -s {network} -j LAB" for network in own]
    lines += [f"-A LAB -d {network} -j ACCEPT" for network in own]
    return "\n".join([*lines, "COMMIT", ""])


def _drops(selection: str, link: Link) -> list[str]:
    if link.cut:
        return [f"{selection} -j DROP"]
    if link.loss:
        return [f"{selection} -m statistic --mode random --probability {link.loss:.6f} -j DROP"]
    return []


def policy(legs: Legs, anycast: str, links: Mapping[Direction, Link]) -> set[str]:
    """The policy rules that lead delayed packets through the TUN device; all others take the kernel's own path."""
    rules = set()
    for (here, there), link in links.items():
        if link.delay_ms and not link.cut:
            rules.add(f"iif {legs[here].interface} to {legs[there].network} lookup {TABLE}")
            if there != "outside":
                rules.add(f"iif {legs[here].interface} to {anycast} lookup {TABLE}")
    return rules


def policy_changes(present: Iterable[str], wanted: Iterable[str]) -> str:
    """Commands for `ip -batch`."""
    present, wanted = set(present), set(wanted)
    gone = [f"rule del {rule} priority {TABLE}" for rule in sorted(present - wanted)]
    new = [f"rule add {rule} priority {TABLE}" for rule in sorted(wanted - present)]
    return "".join(f"{line}\n" for line in gone + new)


def delay_changes(legs: Legs, present: Delays, wanted: Delays) -> str:
    """Commands for `tc -batch`: on each leg one band for each site that packets may come from.

    A band whose delay changes keeps the packets that are under way, each for the time that it set out with; so a delay
    that is over becomes one of nothing, and a band that was never delayed has no discipline of its own.
    """
    lines = []
    for there, leg in legs.items():
        bands = {here: wanted.get((here, there), 0.0) for here in legs if here != there}
        changes = {here: delay for here, delay in bands.items() if delay != present.get((here, there), 0.0)}
        if changes and not any((here, there) in present for here in bands):
            lines.append(bands_of(leg.interface))
        lines += [delay_of(leg.interface, here, delay) for here, delay in changes.items()]
    return "".join(f"{line}\n" for line in lines)


def delays(links: Mapping[Direction, Link]) -> dict[Direction, float]:
    """The delays alone, in milliseconds, where there are any."""
    return {direction: link.delay_ms for direction, link in links.items() if link.delay_ms}


def bands_of(interface: str) -> str:
    """The command for `tc` that gives an interface a band for each site, and one for all else."""
    rest = " ".join([str(len(SITES))] * 16)  # of each of the sixteen priorities that an unmarked packet may have
    return f"qdisc replace dev {interface} root handle 1: prio bands {len(SITES) + 1} priomap {rest}"


def delay_of(interface: str, site: str, milliseconds: float) -> str:
    """The command for `tc` that delays what comes from a site and leaves by this interface."""
    band = f"1:{class_of(site)}"
    return f"qdisc replace dev {interface} parent {band} netem delay {milliseconds:g}ms limit {ROOM}"


def classes(legs: Legs) -> str:
    """The mangle table for `iptables-restore`: which class a forwarded packet is in, by where it came from."""
    lines = ["*mangle"]
    lines += [f"-A FORWARD -i {leg.interface} -j CLASSIFY --set-class 1:{class_of(leg.site)}" for leg in legs.values()]
    return "\n".join([*lines, "COMMIT", ""])


def class_of(site: str) -> int:
    """The number of the class, which is a band, of packets from a site."""
    return SITES.index(site) + 1
