"""The library of checks of the lab as it is now. Each says what is not yet true, never how to make it so."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from lab import envfile
from lab.errors import LabError
from lab.exercises.bench import Bench
from lab.exercises.findings import Finding
from lab.exercises.landing import flavor_lands_on, zone_has
from lab.exercises.model import Step
from lab.exercises.trial import lenient, trial
from lab.names import find_part
from lab.paths import ENV_FILE
from lab.status_model import RegionStatus, Verdict
from lab.topology import PARTS, parts_with_role

SAMPLES, PAUSE = 4, 0.7


def run(bench: Bench, steps: Sequence[Step]) -> list[Finding]:
    """Check after check; the first that fails ends it, since those after it build on it. Raises LabError."""
    found: list[Finding] = []
    for word, argument in steps:
        if word not in WORDS:
            raise LabError(f"There is no check {word!r}. There are: {', '.join(WORDS)}.")
        found += WORDS[word](bench, argument or {})
        if not all(finding.ok for finding in found):
            break
    return found


def measure(bench: Bench, steps: Sequence[Step], keys: set[str]) -> dict[str, float]:
    """What the checks measure under these keys, whether they hold or not. Raises LabError."""
    measured: dict[str, float] = {}
    for word, argument in steps:
        if word != "proof" and not any(f'"{key}"' in json.dumps(argument) for key in keys):
            continue
        for finding in WORDS[word](bench, argument or {}):
            if keys & finding.measured.keys():
                bench.say(f"{finding.says.partition('; ')[0]}.")
            measured |= {key: value for key, value in finding.measured.items() if key in keys}
        if keys <= measured.keys():
            break
    return measured


def quorum(status: RegionStatus, role: str, nodes: int) -> Finding:
    """Whether so many parts of a role work together. Pure."""
    good = next((each.good for each in status.roles if each.role == role), 0)
    return Finding(good == nodes, f"{role}: {good} of its parts are in step; {nodes} should be", {role: good})


def redundant(status: RegionStatus) -> Finding:
    """Whether nothing lacks. Pure."""
    return Finding(status.verdict is Verdict.REDUNDANT, f"{status.region}: {status.sentence}")


def owners(bench: Bench) -> list[str]:
    """The load balancers whose own interface has the region's address."""
    found = []
    for part in parts_with_role("lb"):
        if not bench.runs(part):
            continue
        code, table = bench.run_inside(part, ["cat", "/proc/net/fib_trie"])
        if code == 0 and has_address(table, bench.state.topology.vip):
            found.append(part.label)
    return found


def has_address(fib: str, address: str) -> bool:
    """Whether a kernel's routing trie holds an address as one of its own. Pure."""
    lines = fib.splitlines()
    return any(line.strip(" |-+") == address and "host LOCAL" in after for line, after in pairwise(lines))


def _quorum_is(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    role, nodes = argument["role"], int(argument["nodes"])
    bench.until(lambda: quorum(bench.look(), role, nodes).ok, float(argument.get("within", 0)))
    found = quorum(bench.look(), role, nodes)
    return [Finding(found.ok, found.says, {argument.get("key", role): found.measured[role]})]


def _converged_within(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    began = time.monotonic()
    bench.until(lambda: redundant(bench.look()).ok, float(lenient(argument)["seconds"]))
    found = redundant(bench.look())
    return [Finding(found.ok, found.says, {"converged": round(time.monotonic() - began, 1)})]


def _vip_owners(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    """`{count}`, seen several times in a row; an address that moves has no steady owner."""
    wanted = int(argument["count"])
    seen = []
    for _ in range(SAMPLES):
        seen.append(owners(bench))
        time.sleep(PAUSE)
    odd = next((each for each in seen if len(each) != wanted), seen[-1])
    names = " and ".join(odd) or "nobody"
    says = f"{bench.state.topology.vip} belongs to {names}; it should have {wanted} owner{'s' * (wanted != 1)}"
    return [Finding(len(odd) == wanted, says, {"owners": len(odd)})]


def _single_vip_owner(bench: Bench, _argument: dict[str, Any]) -> list[Finding]:
    return _vip_owners(bench, {"count": 1})


def _runs(bench: Bench, argument: Any) -> list[Finding]:
    """Whether these parts run."""
    return [
        Finding(bench.runs(find_part(name)), f"{name} {'runs' if bench.runs(find_part(name)) else 'does not run'}")
        for name in argument
    ]


def _sql_is(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    """`{query, is, says, nodes?}`: one value in the database, on each of the nodes named."""
    found = []
    for node in argument.get("nodes", ["db1"]):
        try:
            with bench.database(node) as connection, connection.cursor() as cursor:
                cursor.execute(argument["query"])
                row = cursor.fetchone()
            value = str(row[0]) if row else "nothing"
        except Exception as error:  # whatever the driver raises
            found.append(Finding(False, f"{node}: {argument['says']}: it does not answer ({type(error).__name__})"))
            continue
        right = value == str(argument["is"])
        found.append(Finding(right, f"{node}: {argument['says']}: {value}, and {argument['is']} is right"))
    return found


def _proof(bench: Bench, argument: dict[str, Any]) -> list[Finding]:
    """`{program, seconds}`: a program of the exercise tries what the student wrote, and says what it found."""
    secrets = envfile.read(ENV_FILE)
    given = {
        "work": str(bench.place),
        "addresses": {part.name: bench.address(part) for part in PARTS if part.role in {"galera", "rabbitmq"}},
        "writer": bench.look().writer or "db1",
        "database_password": secrets["DB_ROOT_PASSWORD"],
        "broker_password": secrets["MQ_PASSWORD"],
    }
    bench.say("Trying your program…")
    program = [sys.executable, str(bench.material / argument["program"]), *argument.get("words", ())]
    answer = bench.command(program, float(argument["seconds"]), json.dumps(given))
    return [Finding(**each) for each in json.loads(answer.splitlines()[-1])]


WORDS: dict[str, Callable[[Bench, Any], list[Finding]]] = {
    "trial": trial,
    "quorum_is": _quorum_is,
    "converged_within": _converged_within,
    "single_vip_owner": _single_vip_owner,
    "vip_owners": _vip_owners,
    "runs": _runs,
    "sql_is": _sql_is,
    "proof": _proof,
    "zone_has": zone_has,
    "flavor_lands_on": flavor_lands_on,
}
