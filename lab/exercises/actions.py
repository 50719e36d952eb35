"""What an exercise's start state and solution are made of: one word each, with what it needs to know."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pymysql

from lab import faults
from lab.errors import LabError
from lab.exercises import files
from lab.exercises.bench import Bench
from lab.exercises.model import Step
from lab.heal import heal_all
from lab.leases.order import order
from lab.names import find_part
from lab.status_model import Verdict
from lab.topology import Part

SETTLED = 25.0
#: MariaDB's errors after which another node may do it: not ready for queries, can't connect, connection lost.
ELSEWHERE = {1047, 2002, 2003, 2006, 2013}
LONG = 3600.0


def do(bench: Bench, steps: Sequence[Step]) -> None:
    """One step after the other. Raises LabError."""
    for word, argument in steps:
        if word not in WORDS:
            raise LabError(f"There is no action {word!r}. There are: {', '.join(WORDS)}.")
        WORDS[word](bench, argument)


def baseline(bench: Bench) -> None:
    """The lab as `make up` leaves it: every fault undone, every part with the lab's own files."""
    heal_all(lambda sentence: None)
    files.restore(bench)
    if not bench.until(lambda: bench.look().verdict is Verdict.REDUNDANT, SETTLED):
        bench.say(f"The region is not whole yet: {bench.look().sentence}")


def _parts(argument: Any) -> list[Part]:
    return [find_part(name) for name in ([argument] if isinstance(argument, str) else argument)]


def _each(act: Callable[[Part], object]) -> Callable[[Bench, Any], None]:
    def all_of(_bench: Bench, argument: Any) -> None:
        with ThreadPoolExecutor(faults.AT_ONCE) as pool:
            list(pool.map(act, _parts(argument)))

    return all_of


def _stop(bench: Bench, argument: Any) -> None:
    _each(lambda part: faults.stop(bench.engine, part))(bench, argument)


def _start(bench: Bench, argument: Any) -> None:
    _each(lambda part: faults.start(bench.engine, part))(bench, argument)


def _kill(bench: Bench, argument: Any) -> None:
    faults.kill_together(bench.engine, _parts(argument))


def _pause(bench: Bench, argument: Any) -> None:
    _each(lambda part: faults.pause(bench.engine, part))(bench, argument)


def _cut(bench: Bench, argument: Any) -> None:
    _each(lambda part: faults.cut(bench.engine, part))(bench, argument)


def _fault(_bench: Bench, argument: Any) -> None:
    """A fault of packets, for as long as the exercise may take."""
    order(argument["kind"], argument["parts"], LONG, others=argument.get("from", ()), detail=argument.get("detail", ""))


def _heal(_bench: Bench, _argument: Any) -> None:
    heal_all(lambda sentence: None)


def _apply(bench: Bench, _argument: Any) -> None:
    files.apply(bench)


def _sql(bench: Bench, argument: Any) -> None:
    """Statements on one node, or on the first that takes them."""
    nodes = [argument["node"]] if "node" in argument else ["db1", "db2", "db3"]
    for node in nodes:
        try:
            with bench.database(node) as connection, connection.cursor() as cursor:
                for statement in argument["run"]:
                    cursor.execute(statement)
            return
        except pymysql.err.MySQLError as error:
            last = error
            if error.args[0] not in ELSEWHERE:
                break
    raise LabError(f"The database does not take the statement: {last}.")


def _openstack(bench: Bench, argument: Any) -> None:
    """Commands; `-` before one: it may fail (what is to be deleted may be gone)."""
    for words in argument:
        try:
            bench.openstack(words.removeprefix("- "))
        except LabError:
            if not words.startswith("- "):
                raise


def _program(bench: Bench, argument: Any) -> None:
    """A program of the exercise."""
    name, *words = str(argument).split()
    bench.command([sys.executable, str(bench.material / name), *words])


def _settled(bench: Bench, argument: Any) -> None:
    """Wait until these roles have so many good parts: `{galera: 1}`."""

    def holds() -> bool:
        good = {role.role: role.good for role in bench.look().roles}
        return all(good.get(role, 0) == count for role, count in argument.items())

    if not bench.until(holds, SETTLED):
        raise LabError(f"The lab does not come to the state that the exercise begins with: {argument}.")


def _answer(bench: Bench, argument: Any) -> None:
    """In a solution: what the student would answer; the command takes it out of here."""


WORDS: dict[str, Callable[[Bench, Any], None]] = {
    "stop": _stop,
    "start": _start,
    "kill": _kill,
    "pause": _pause,
    "cut": _cut,
    "fault": _fault,
    "heal": _heal,
    "apply": _apply,
    "sql": _sql,
    "openstack": _openstack,
    "program": _program,
    "settled": _settled,
    "answer": _answer,
}


def answers(steps: Sequence[Step]) -> dict[str, str]:
    """What a solution answers."""
    return {key: str(text) for word, argument in steps if word == "answer" for key, text in argument.items()}
