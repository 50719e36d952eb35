"""What the kernel is told: firewall, policy routes and queueing disciplines that carry out the links. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

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


def netem(legs: Legs, links: Mapping[Direction, Link]) -> str:
    """Commands for `tc -batch`: on each leg one class for each site that packets may come from."""
    lines = []
    for there, leg in legs.items():
        sources = [here for here in legs if here != there and links[here, there].delay_ms]
        if not sources:
            continue
        lines.append(f"qdisc add dev {leg.interface} root handle 1: htb")  # what is in no class is not queued
        for here in sources:
            minor = class_of(here)
            lines.append(f"class add dev {leg.interface} parent 1: classid 1:{minor} htb rate 10gbit quantum 60000")
            delay = links[here, there].delay_ms
            lines.append(f"qdisc add dev {leg.interface} parent 1:{minor} netem delay {delay:g}ms limit 20000")
    return "".join(f"{line}\n" for line in lines)


def classes(legs: Legs) -> str:
    """The mangle table for `iptables-restore`: which class a forwarded packet is in, by where it came from."""
    lines = ["*mangle"]
    lines += [f"-A FORWARD -i {leg.interface} -j CLASSIFY --set-class 1:{class_of(leg.site)}" for leg in legs.values()]
    return "\n".join([*lines, "COMMIT", ""])


def class_of(site: str) -> int:
    """The number of a site's class."""
    return SITES.index(site) + 1
