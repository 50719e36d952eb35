"""Three sites and the router between them, as network namespaces of a machine."""

from __future__ import annotations

import json
import time
from pathlib import Path

from lab.errors import LabError
from lab.wan import Wan
from lab.wan_wish import Links
from tests.netem.engine import ENDS, SUBNETS, Engine
from tests.netem.machine import Machine

ROUTER = "wan"
ANYCAST = "10.8.3.1"
#: In Perl, as the image has no program that loads modules: 313 is finit_module, 17 "it is loaded already".
LOAD = """
for (@ARGV) {
    open(F, "<", "/modules/$_.ko") or die "$_: $!\\n";
    my $settings = "";
    syscall(313, fileno(F), $settings, 0) == 0 or $! == 17 or die "$_: $!\\n";
}
"""
STOP = """
    [ -e /run/wan.pid ] || exit 0
    kill $(cat /run/wan.pid)
    while [ -e /run/wan.pid ]; do sleep 0.1; done
"""
START = """
    set -- 'python3 -S -m router & echo $! >/run/wan.pid; wait $!; rm /run/wan.pid'
    env SETTINGS sh -c "$1" >>/run/wan.log 2>&1 &
"""
PATIENCE = 30.0
ONE_WAY = Path(__file__).with_name("one_way.py")
PAUSE, LINGER = 0.005, 1.0


class World:
    """The machine's networks. The router is started, and started anew, by whoever tests it."""

    def __init__(self, machine: Machine, slow: float) -> None:
        self.machine, self._slow = machine, slow
        self.engine = Engine(machine)
        self.wan = Wan(self.engine)

    def load(self, modules: list[str]) -> None:
        """Load modules of the kernel, in this order."""
        self.machine.must(["perl", "-e", LOAD, *modules])

    def lay_wires(self) -> None:
        """A wire from each site to the router; a site knows no other way out."""
        script = [f"ip netns add {ROUTER}", f"ip -n {ROUTER} link set lo up"]
        for number, (site, subnet) in enumerate(SUBNETS.items()):
            inside = f"ip -n {site}"
            script += [
                f"ip netns add {site}",
                f"ip link add eth{number} netns {ROUTER} type veth peer name eth0 netns {site}",
                f"ip -n {ROUTER} address add {subnet}.3/24 dev eth{number}",
                f"ip -n {ROUTER} link set eth{number} up",
                f"{inside} address add {subnet}.{ENDS[site]}/24 dev eth0",
                f"{inside} link set eth0 up",
                f"{inside} route add default via {subnet}.2",
                f"ip netns exec {site} sh -c 'echo 0 2147483647 >/proc/sys/net/ipv4/ping_group_range'",
            ]
        script += [f"ip netns exec {ROUTER} sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'"]
        for interface in ("all", "default"):
            setting = f"/proc/sys/net/ipv4/conf/{interface}/rp_filter"
            script += [f"ip netns exec {ROUTER} sh -c 'echo 0 >{setting}'"]
        self.machine.must(["sh", "-ec", "\n".join(script)])

    def start_router(self) -> None:
        """Start the router, or start it anew, as its container does; wait until it answers."""
        subnets = {f"SUBNET_{site.upper()}": subnet for site, subnet in SUBNETS.items()}
        settings = " ".join(f"{name}={value}" for name, value in (subnets | {"ANYCAST": ANYCAST}).items())
        self.machine.must(["sh", "-ec", STOP])
        self.machine.must(["sh", "-ec", START.replace("SETTINGS", settings)], ROUTER)
        deadline = time.monotonic() + PATIENCE * self._slow
        while True:
            try:
                self.wan.show()
            except LabError:
                assert time.monotonic() < deadline, self.machine.must(["cat", "/run/wan.log"])
            else:
                return

    def one_way(self, count: int, then: Links | None = None) -> dict[str, dict[str, float]]:
        """Each direction by itself: so many packets; when half of them are out, the links change."""
        ends = {site: self.engine.namespaces[site].address for site in SUBNETS}
        words = [
            json.dumps(ends),
            str(count),
            str(PAUSE),
            str(LINGER),
            *([json.dumps(then)] if then is not None else []),
        ]
        said = self.machine.must(["python3", "-S", "-c", ONE_WAY.read_text(), *words])
        found: dict[str, dict[str, float]] = json.loads(said)
        return found
