"""Reads, in one region, what is there of all that the regions share."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.lab.client import Client
from tests.lab.final_state import FinalState
from tests.lab.history import History, Operation, Outcome
from tests.lab.reading import UnreadableError, read_rows, tried
from tests.lab.region import Region
from tests.lab.shared_load import container_of, login_at
from tests.lab.tenant import Tenant
from tests.lab.verdict import Ruling, Verdict, judge

POLL = 0.5


def read_shared(region: Region, tenant: Tenant, operations: Iterable[Operation]) -> FinalState:
    """What this region's services say."""
    operations = list(operations)
    with region.client() as admin, Client(login_at(region, tenant), History()) as member:
        member.log_in()
        rows = read_rows(admin, member, tenant, operations)
        return replace(rows, objects=tried(lambda: objects_of(member, tenant, operations)))


def objects_of(member: Client, tenant: Tenant, operations: Iterable[Operation]) -> dict[str, str]:
    """The checksum of every object that the history names, by reading it; those that are not there have none."""
    found = {}
    for name in sorted({one.name for one in operations if one.kind == "put object"}):
        answer = member.ask("GET", "object", f"{container_of(tenant)}/{name}", patience=20)
        if answer.outcome is Outcome.OK:
            found[name] = answer.headers["ETag"].strip('"')
        elif answer.status != 404:
            raise UnreadableError(f"object {name}: {answer.status} {answer.why}")
    return found


def judge_everywhere(
    regions: Sequence[Region], tenant: Tenant, operations: Sequence[Operation], seconds: float
) -> tuple[Verdict, float]:
    """The verdict of every region, asked until all are valid or time is over; and how long that took."""
    began = time.monotonic()
    while True:
        verdicts = {region: judge(operations, read_shared(region, tenant, operations)) for region in regions}
        taken = time.monotonic() - began
        if all(one.ruling is Ruling.VALID for one in verdicts.values()) or taken > seconds:
            return _both(verdicts), taken
        time.sleep(POLL)


def _both(verdicts: dict[Region, Verdict]) -> Verdict:
    rulings = [one.ruling for one in verdicts.values()]
    worst = next((each for each in (Ruling.INVALID, Ruling.UNKNOWN) if each in rulings), Ruling.VALID)
    return Verdict(
        worst,
        max(one.lost for one in verdicts.values()),
        tuple(f"{region.topology.region}: {says}" for region, one in verdicts.items() for says in one.problems),
        tuple(f"{region.topology.region}: {what}" for region, one in verdicts.items() for what in one.unread),
    )
