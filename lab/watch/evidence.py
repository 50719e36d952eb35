"""What a run's operations were told, kept for the verdict; and the verdict. Judging is pure."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lab import registers
from lab.hosts import Host, overcommitted
from lab.registers import Kind, Outcome
from lab.watch.run import Judgement

REGISTERS_CHECKED = "reads of registers in the database and the block store are linearizable"
OBJECTS_CHECKED = "no acknowledged object is lost, none reads as another"
SERVERS_CHECKED = "no acknowledged server is lost, none is there twice, none is there that nobody asked for"
HOSTS_CHECKED = "no host has promised more than it has"


@dataclass
class Evidence:
    """Filled by the lanes, from several threads."""

    began: float = field(default_factory=time.monotonic)
    touched: list[registers.Operation] = field(default_factory=list)
    objects: dict[str, Outcome] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    servers: dict[str, Outcome] = field(default_factory=dict)  # by name: of the request to make it
    deleted: dict[str, Outcome] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wrote(self, key: str, value: str, start: float, outcome: Outcome, end: float | None = None) -> None:
        """A register was written, or may have been; just now, where no end is given (monotonic seconds)."""
        if outcome is not Outcome.FAIL:
            end = (time.monotonic() if end is None else end) if outcome is Outcome.OK else None
            self._touch(registers.Operation(key, Kind.WRITE, value, start, end, outcome))

    def read(self, key: str, value: str, start: float, end: float | None = None) -> None:
        """A register was read; just now, where no end is given."""
        self._touch(registers.Operation(key, Kind.READ, value, start, time.monotonic() if end is None else end))

    def complain(self, sentence: str) -> None:
        """An answer was wrong in itself."""
        with self._lock:
            self.wrong.append(sentence)

    def _touch(self, operation: registers.Operation) -> None:
        with self._lock:
            self.touched.append(operation)


def judge(
    evidence: Evidence,
    initial: Mapping[str, str],
    lost_objects: Iterable[str] | None,
    servers: Sequence[str] | None,
    hosts: Iterable[Host] | None,
) -> Judgement:
    """The verdict. Pure.

    `initial` are the registers' first values; `lost_objects` the acknowledged objects that were gone at the end,
    `servers` the names of the servers that were there then, `hosts` what is claimed of each (None: nobody answered).
    """
    reasons = list(evidence.wrong)
    unsure: list[str] = []
    for key, first in initial.items():
        verdict = registers.judge([one for one in evidence.touched if one.key == key], initial=first, noun="register")
        reasons += [one.says for one in verdict.counterexamples]
        unsure += verdict.undecided
    if lost_objects is None:
        unsure.append("the objects could not be asked for at the end")
    else:
        reasons += [f"the object {name} was acknowledged and is gone" for name in lost_objects]
    if servers is None:
        unsure.append("the servers could not be listed at the end")
    else:
        reasons += _of_servers(evidence, servers)
    if hosts is None:
        unsure.append("the hosts could not be listed at the end")
    else:
        reasons += [sentence for host in hosts for sentence in overcommitted(host)]
    ruling = "invalid" if reasons else "unknown" if unsure else "valid"
    return Judgement(ruling, tuple(reasons or unsure), _checked(evidence))


def _checked(evidence: Evidence) -> tuple[str, ...]:
    """What was looked for: only that of which there is evidence, since a run need not ask everything."""
    said = {REGISTERS_CHECKED: evidence.touched, OBJECTS_CHECKED: evidence.objects, SERVERS_CHECKED: evidence.servers}
    return (*(phrase for phrase, seen in said.items() if seen), HOSTS_CHECKED)


def _of_servers(evidence: Evidence, there: Sequence[str]) -> list[str]:
    counted = Counter(there)
    found = [f"the server {name} is there {count} times" for name, count in counted.items() if count > 1]
    for name, outcome in evidence.servers.items():
        if outcome is Outcome.OK and name not in evidence.deleted and name not in counted:
            found.append(f"the server {name} was acknowledged and is gone")
        if outcome is Outcome.FAIL and name in counted:
            found.append(f"the server {name} was refused and is there")
    found += [f"the server {name} is there and nobody asked for it" for name in counted if name not in evidence.servers]
    return found
