"""Comparing designs: what is broken and when, what was lost, what is drawn."""

from __future__ import annotations

import pytest
from rich.console import Console

from lab.compare.fault import Fault, fault, times
from lab.compare.ledger import Account, account
from lab.compare.result import result, table
from lab.errors import BadNameError
from lab.watch.run import Gap, Judgement, LaneSummary, Run


def test_faults_are_read() -> None:
    assert fault("kill:galera:writer") == Fault("kill", "galera:writer")
    assert fault("pause:mq:leader:conductor") == Fault("pause", "mq:leader:conductor")
    assert fault("partition:db:primary") == Fault("partition", "db:primary", ("db:replica",))
    for text in ("galera:writer", "kill", "kill:", "melt:db1", "partition:db1"):
        with pytest.raises(BadNameError):
            fault(text)


def test_a_run_has_time_for_the_fault_and_for_the_return() -> None:
    at = times(40)
    assert 0 < at.strikes < at.returns < 40
    with pytest.raises(BadNameError, match="too short"):
        times(20)


def test_what_was_promised_and_is_gone() -> None:
    assert account(["a", "b", "c"], ["c", "a", "unknown"]) == Account(3, ("b",))


def test_designs_side_by_side() -> None:
    lane = LaneSummary("db write", 100, 3, 1, 0.05, 0.6, 0.7, (Gap(1, 1.6),))
    run = Run("a-lab", "2026-01-01T00:00:00+0000", 40.0, (lane,), (), (), Judgement("valid"))
    galera = result("galera", ["db3"], run, Account(200, ()), None, "var/runs/1")
    other = result("replication", ["db1"], run, Account(190, ("ledger-7",)), 5, "var/runs/2")
    console = Console(width=100)
    with console.capture() as captured:
        console.print(table("kill:galera:writer", [galera, other]))
    lines = [line.split() for line in captured.get().splitlines()]
    assert ["db", "write:", "longest", "gap", "0.60", "s", "0.60", "s"] in lines
    assert ["acknowledged,", "then", "gone", "0", "1"] in lines
    assert ["left", "in", "the", "old", "primary's", "log", "-", "5"] in lines
    assert other.as_json()["gone"] == ("ledger-7",)
