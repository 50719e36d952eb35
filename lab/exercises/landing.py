"""Checks of where servers go: zones and their hosts, flavors and the hosts that they reach."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from lab.exercises.bench import Bench
from lab.exercises.findings import Finding
from lab.watch.client import Client
from lab.watch.tenant import insist

BOOT, AGAIN = 30.0, 0.3


def zone_has(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    """`{zone, hosts}`: an availability zone holds these hosts and no others."""
    admin = bench.admin()
    told = insist(admin, "GET", "compute", "/v2.1/os-availability-zone/detail").json()["availabilityZoneInfo"]
    zones = {each["zoneName"]: sorted(each.get("hosts") or {}) for each in told}
    wanted = sorted(argument["hosts"])
    there = [host for host in zones.get(argument["zone"], []) if host.startswith("compute")]
    if argument["zone"] not in zones:
        return [Finding(not wanted, f"there is no zone {argument['zone']}")]
    return [
        Finding(there == wanted, f"the zone {argument['zone']} holds {_list(there)}; it should hold {_list(wanted)}")
    ]


def flavor_lands_on(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    """`{flavor, hosts, servers, each?}`: so many servers of a flavor become ACTIVE, all on these hosts (on each)."""
    admin = bench.admin()
    flavors = insist(admin, "GET", "compute", "/v2.1/flavors").json()["flavors"]
    flavor = next((each["id"] for each in flavors if each["name"] == argument["flavor"]), None)
    if flavor is None:
        return [Finding(False, f"there is no flavor {argument['flavor']}")]
    image = _image(admin)
    made = [_boot(admin, flavor, image, number) for number in range(int(argument["servers"]))]
    try:
        landed = [_landed(admin, server) for server in made]
    finally:
        for server in made:
            insist(admin, "DELETE", "compute", f"/v2.1/servers/{server}")
        insist(admin, "DELETE", "image", f"/v2/images/{image}")
    return [as_they_should(argument, landed)]


def as_they_should(argument: Mapping[str, Any], landed: Sequence[str]) -> Finding:
    """Whether servers landed where they should. Pure."""
    wrong = {place for place in landed if place not in argument["hosts"]}
    empty = set(argument["hosts"]) - set(landed) if argument.get("each") else set()
    says = f"{len(landed)} servers of the flavor {argument['flavor']} landed on {_list(sorted(set(landed)))}"
    right = f"{'each of ' if argument.get('each') else ''}{_list(argument['hosts'])} is right"
    return Finding(not wrong and not empty, f"{says}; {right}" if wrong or empty else says)


def _image(admin: Client) -> str:
    wanted = {"name": "exercise", "disk_format": "raw", "container_format": "bare"}
    image = str(insist(admin, "POST", "image", "/v2/images", wanted).json()["id"])
    insist(admin, "PUT", "image", f"/v2/images/{image}/file", b"exercise\n" * 64)
    return image


def _boot(admin: Client, flavor: str, image: str, number: int) -> str:
    server = {"name": f"exercise-{number}", "flavorRef": flavor, "imageRef": image, "networks": "none"}
    return str(insist(admin, "POST", "compute", "/v2.1/servers", {"server": server}).json()["server"]["id"])


def _landed(admin: Client, server: str) -> str:
    give_up = time.monotonic() + BOOT
    while time.monotonic() < give_up:
        seen = insist(admin, "GET", "compute", f"/v2.1/servers/{server}").json()["server"]
        if seen["status"] == "ACTIVE":
            return str(seen["OS-EXT-SRV-ATTR:host"])
        if seen["status"] == "ERROR":
            return f"no host ({(seen.get('fault') or {}).get('message', 'ERROR')})"
        time.sleep(AGAIN)
    return "no host in time"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "no host"
