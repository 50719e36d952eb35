"""Every fault of regions that the lab is tried with, as data: what is struck, what must hold meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lab import faults
from tests.lab.client import Client
from tests.lab.region import Region
from tests.lab.region_trial import RegionFault, RegionTrial
from tests.lab.shared_load import container_of, login_at

SETTLED = 6.0  # seconds after which both sides of a cut know how they stand
FLAPS, FLAP_SECONDS = 10, 1.0
AT_ONCE = 8


def _lose_one(trial: RegionTrial) -> Sequence[str]:
    return [part.label for part in trial.one.lose()]


def _freeze_one(trial: RegionTrial) -> Sequence[str]:
    victims = sorted(trial.one.parts, key=lambda part: part.role != "lb")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda part: faults.pause(trial.one.engine, part), victims))
    return [part.label for part in victims]


def _cut_between(trial: RegionTrial) -> Sequence[str]:
    trial.wan.cut("one-two")
    return ["the way between the regions"]


def _cut_off_two(trial: RegionTrial) -> Sequence[str]:
    trial.wan.cut("two")
    return ["region-two's way to everything"]


def _kill_arbitrator(trial: RegionTrial) -> Sequence[str]:
    faults.kill(trial.one.engine, trial.outside("arbitrator"))
    return ["arbitrator"]


def _lose_third_site(trial: RegionTrial) -> Sequence[str]:
    trial.wan.cut("one-outside", "two-outside")
    return ["the third site"]


def _flap(trial: RegionTrial) -> Sequence[str]:
    for _ in range(FLAPS):
        trial.wan.cut("one-two")
        time.sleep(FLAP_SECONDS)
        trial.wan.heal()
        time.sleep(FLAP_SECONDS)
    return ["the way between the regions, again and again"]


def _objects_can_be_read(trial: RegionTrial) -> None:
    """Every object that was acknowledged before the fault reads in the region that is left."""
    known = [one.name for one in trial.clients if one.kind == "put object" and one.ended < trial.struck_at]
    gone = {one.name for one in trial.clients if one.kind == "delete object"}
    with Client(login_at(trial.two, trial.tenant)) as member:
        member.log_in()
        for name in (name for name in known if name not in gone):
            answer = member.ask("GET", "object", f"{container_of(trial.tenant)}/{name}", patience=5)
            assert answer.status == 200, (name, answer.status, answer.why)
    trial.notes.append(f"{len(known)} objects of before were read in region-two meanwhile")


def _only_one_writes(trial: RegionTrial) -> None:
    """The first region writes; the other reads, and says why it does not write."""
    assert trial.written("one", trial.struck_at + SETTLED), "the side that has the word could not write"
    assert not trial.written("two", trial.struck_at + SETTLED), "both sides wrote"
    _reads(trial.two)
    with trial.two.client() as admin:
        refused = admin.ask("POST", "identity", "/v3/projects", {"project": {"name": f"{trial.tenant.prefix}-refused"}})
    assert refused.status == 503, refused
    assert "majority" in refused.why, refused.why
    trial.notes.append(f"region-two said: {refused.why}")


def _reads(region: Region) -> None:
    """A new token, and what it is good for."""
    with region.client() as admin:
        answer = admin.ask("GET", "identity", "/v3/users?limit=1", patience=5)
        assert answer.status == 200, (region.topology.region, answer.status, answer.why)
        valid = admin.ask("GET", "identity", "/v3/auth/tokens", headers={"X-Subject-Token": admin.token}, patience=5)
        assert valid.status == 200, (region.topology.region, valid.status, valid.why)


FAULTS = (
    RegionFault("region-kill", _lose_one, 12.0, during=_objects_can_be_read),
    RegionFault("region-freeze", _freeze_one, 12.0),
    RegionFault("wan-cut", _cut_between, 60.0, during=_only_one_writes, seen_from="one"),
    RegionFault("region-alone", _cut_off_two, 15.0, during=_only_one_writes, seen_from="one"),
    RegionFault("arbitrator-kill", _kill_arbitrator, 8.0),
    RegionFault("third-site", _lose_third_site, 10.0, sees_world=False),
    RegionFault("wan-flap", _flap, 0.0),
)
