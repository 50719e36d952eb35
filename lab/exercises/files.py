"""The load balancers' files: as the lab gives them, as an exercise spoils them, as the student mends them."""

from __future__ import annotations

from lab.errors import LabError
from lab.exercises.bench import Bench
from lab.names import find_part
from lab.paths import ROOT
from lab.topology import Part, parts_with_role

DIRECTORY = "/etc/balancer"
#: What a student may change there, and what the file is called inside.
KNOWN = {"haproxy.cfg": "region.cfg", "keepalived.conf": "keepalived.conf"}
#: HAProxy reads its file and says what is wrong; the balancer's first process gives it these two variables as well.
HAPROXY_CHECK = 'file=$1; set -- $SUBNETS; SUBNET_ONE=$1 SUBNET_TWO=$2 exec haproxy -c -f "$file"'
ALIVE = 1.5


def target(name: str) -> str:
    """Where a file of that name goes in a load balancer: `lb2/keepalived.conf` as well. Raises LabError."""
    base = name.rpartition("/")[2]
    if base not in KNOWN:
        raise LabError(f"{name} is not a file that a part of the lab takes.")
    return f"{DIRECTORY}/{KNOWN[base]}"


def apply(bench: Bench) -> list[str]:
    """Give the parts what the student's files say now; the labels of those that were changed. Raises LabError."""
    changed = []
    for name, labels in bench.exercise.files.items():
        data = (bench.place / name).read_bytes() if labels else b""
        for label in labels:
            part = find_part(label)
            if bench.runs(part) and bench.read(part, target(name)) != data:
                put(bench, part, target(name), data)
                bench.say(f"{label} has your {name} now, and was restarted.")
                changed.append(label)
    return changed


def put(bench: Bench, part: Part, path: str, data: bytes) -> None:
    """Replace a file and restart what reads it; what cannot work is taken back. Raises LabError with what it said."""
    before = bench.read(part, path)
    bench.write(part, path, data)
    if path.endswith(".cfg"):
        code, output = bench.run_inside(part, ["sh", "-c", HAPROXY_CHECK, "sh", path])
        if code:
            bench.write(part, path, before)
            raise LabError(f"{part.label}: HAProxy refuses the file, so it stays as it was.", _told(output))
    bench.restart(part)
    if not _stays(bench, part):
        bench.write(part, path, before)
        bench.restart(part)
        raise LabError(
            f"{part.label} ends at once with this file, so the earlier one is back: `quorate logs {part.label}`."
        )


def restore(bench: Bench) -> list[str]:
    """Give every load balancer the lab's own files again; the labels of those that had others."""
    changed = []
    for part in parts_with_role("lb"):
        spoiled = False
        for name in KNOWN.values():
            data = (ROOT / "lb" / name).read_bytes()
            if bench.read(part, f"{DIRECTORY}/{name}") != data:
                bench.write(part, f"{DIRECTORY}/{name}", data)
                spoiled = True
        if spoiled:
            bench.restart(part)
            changed.append(part.label)
    return changed


def _stays(bench: Bench, part: Part) -> bool:
    bench.until(lambda: not bench.runs(part), ALIVE)
    return bench.runs(part)


def _told(output: str) -> str:
    lines = [line for line in output.splitlines() if "ALERT" in line or "error" in line.lower()]
    return "\n".join(lines[:6] or output.splitlines()[-6:])
