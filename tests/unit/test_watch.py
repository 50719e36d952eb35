"""Watching: what is a gap, what the strip shows, what the story says, and that the verdict catches every lie."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from lab.hosts import Host
from lab.leases.lease import Lease
from lab.registers import Outcome
from lab.status_model import Health, PartStatus, RegionStatus, RoleStatus
from lab.watch import kept, view
from lab.watch.client import judged, plain
from lab.watch.evidence import Evidence, judge
from lab.watch.lanes import Lane
from lab.watch.recorder import Recorder
from lab.watch.run import Gap, Judgement, LaneSummary, Operation, Run, Tone, gaps, summaries, summary
from lab.watch.story import engine_sentence, lease_sentence, log_sentence, role_sentences
from lab.watch.strip import Mark, strip

CALM = 0.5


def ok(ended: float, lane: str = "token") -> Operation:
    return Operation(lane, ended - 0.01, ended, Outcome.OK)


def failed(ended: float, outcome: Outcome = Outcome.FAIL) -> Operation:
    return Operation("token", ended - 0.1, ended, outcome, "refused")


def test_a_gap_is_from_one_success_to_the_next() -> None:
    seen = [ok(0.1), ok(0.5), failed(0.9), failed(1.2, Outcome.UNKNOWN), ok(1.5), ok(1.6)]
    assert gaps(seen, CALM, 1.9) == [Gap(0.5, 1.5)]
    assert gaps(reversed(seen), CALM, 1.9) == [Gap(0.5, 1.5)]
    assert gaps(seen, CALM, 3.0)[1] == Gap(1.6, 3.0, closed=False)
    assert gaps([], CALM, 0.4) == []
    assert gaps([], CALM, 2.0) == [Gap(0.0, 2.0, closed=False)]


def test_a_lane_in_numbers() -> None:
    seen = [ok(0.1), failed(0.5), failed(0.9, Outcome.UNKNOWN), ok(1.5), ok(9.0, lane="other")]
    found = summary("token", seen, CALM, 2.5)
    assert (found.operations, found.failed, found.unknown) == (4, 1, 1)
    assert found.median == pytest.approx(0.01)
    assert (found.longest_gap, found.downtime) == (pytest.approx(1.4), pytest.approx(2.4))
    assert found.mttr == pytest.approx(1.4)
    assert [lane.name for lane in summaries(seen, {"token": 1, "other": 1}, 10)] == ["token", "other"]


def test_the_time_to_recovery_is_that_of_the_gaps_that_ended() -> None:
    found = summary("token", [ok(0.1), ok(1.1), ok(1.2), ok(4.2)], CALM, 9.0)
    assert [gap.closed for gap in found.gaps] == [True, True, False]
    assert found.mttr == pytest.approx(2.0)
    assert found.downtime == pytest.approx(1.0 + 3.0 + 4.8)
    assert summary("token", [ok(0.1)], CALM, 0.3).mttr == 0
    assert summary("token", [], CALM, 9.0).mttr == 0


def test_degradation_is_what_was_served_badly_outside_of_outages() -> None:
    well = [ok(number / 10) for number in range(1, 8)]
    slow, quick = (Operation("token", 0.8 - CALM * share, 0.8, Outcome.OK) for share in (0.6, 0.4))
    assert summary("token", well, CALM, 0.9).degraded == 0
    assert summary("token", [*well, quick], CALM, 0.9).degraded == 0
    assert summary("token", [*well, slow], CALM, 0.9).degraded == pytest.approx(1 / 8)
    assert summary("token", [*well, slow, failed(0.85)], CALM, 0.9).degraded == pytest.approx(2 / 9)
    outage = [failed(0.9), failed(1.2, Outcome.UNKNOWN), ok(1.5)]
    assert summary("token", [*well, *outage], CALM, 1.6).degraded == 0
    assert summary("token", [], CALM, 0.4).degraded == 0


def test_the_strip_tells_silence_from_a_gap() -> None:
    seen = [ok(0.1), ok(0.6), failed(0.7), ok(2.6), ok(2.7), ok(3.3)]
    assert "".join(strip(seen, CALM, 3.5, 8, 0.5)) == " █▓✗✗✗██"
    assert strip(seen, 5.0, 3.5, 8, 0.5)[3] is Mark.SILENT
    assert strip([ok(0.1)], CALM, 2.0, 2, 0.5) == [Mark.GAP, Mark.GAP]


def engine_event(action: str, **about: str) -> dict[str, object]:
    attributes = {"quorate.name": "db1", "quorate.site": "two", **about}
    return {"Action": action, "Actor": {"Attributes": attributes}}


def test_the_engine_in_sentences() -> None:
    assert engine_sentence(engine_event("die", exitCode="137")) == ("two/db1", "killed", Tone.HARM)
    assert engine_sentence(engine_event("die", exitCode="3")) == ("two/db1", "died with exit code 3", Tone.HARM)
    assert engine_sentence(engine_event("unpause")) == ("two/db1", "thawed", Tone.HELP)
    assert engine_sentence(engine_event("start", **{"quorate.site": "one"})) == ("db1", "started", Tone.HELP)
    assert engine_sentence(engine_event("exec_create: sh")) is None


def part(name: str, health: Health) -> PartStatus:
    return PartStatus(name, "galera", "10.8.0.21", "running", health, "")


def region(*well: bool, **changes: object) -> RegionStatus:
    parts = [part(f"db{n}", Health.GOOD if one else Health.DOWN) for n, one in enumerate(well, 1)]
    found = RegionStatus(
        lab="q", region="region-two", site="two", address="10.8.1.10", address_holder="lb1", is_routed=True,
        database_proxy="haproxy", database_proxy_reason="", writer="db1", galera_size=3,
        queue_leaders={"conductor": "mq1"}, thin_queues=(), thin_groups=(), idle_groups=(),
        roles=(RoleStatus("galera", tuple(parts)),),
    )  # fmt: skip
    return replace(found, **changes)


def test_roles_that_move_in_sentences() -> None:
    before = region(True, True, True)
    assert role_sentences(before, before) == []
    after = region(False, True, True, address_holder="lb2", writer="db2", queue_leaders={"conductor": "mq3"})
    assert role_sentences(before, after) == [
        ("two/lb2", "has the address 10.8.1.10, lb1 had it", Tone.CHANGE),
        ("two/db2", "takes the writes, db1 took them before", Tone.CHANGE),
        ("two/mq3", "leads the conductor's queue, mq1 led it", Tone.CHANGE),
        ("region-two", "Serving, with less redundancy in galera (2 of 3).", Tone.HARM),
    ]
    assert role_sentences(after, before)[-1] == ("region-two", "Serving, everything redundant.", Tone.HELP)
    split = region(True, True, True, address_owners=("lb1", "lb2"))
    assert role_sentences(before, split) == [
        ("region-two", "Serving, but the address has 2 owners: lb1 and lb2.", Tone.HARM)
    ]
    nobody = role_sentences(before, region(True, True, True, address_holder=None, writer=None))
    assert [tone for _, _, tone in nobody] == [Tone.HARM, Tone.HARM]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("balancer: shared: the writer is sdb3 (sdb3 up since view 1)", "shared: the writer is sdb3"),
        ("2026 conductor1 INFO x [-] took over 4 overdue: a, b", "took over 4 overdue"),
        ("10.8.0.1:5 [26/Nov/2026] identity identity/identity1 0/1", None),
        ("", None),
    ],
)
def test_of_a_log_only_sentences_are_told(line: str, says: str | None) -> None:
    assert log_sentence(line) == says


def test_what_was_ordered_is_part_of_the_story() -> None:
    assert lease_sentence(Lease("a", "kill", ("lb1", "db1"), 1.0, 9.0)) == "kill lb1, db1 for 8 s"
    assert lease_sentence(Lease("a", "loss", ("lb1",), 1.0, 9.0, "5%")) == "loss 5% lb1 for 8 s"


def test_what_a_status_says_about_an_effect() -> None:
    assert judged("PUT", 200) is Outcome.OK
    assert judged("PUT", 503) is Outcome.UNKNOWN
    assert judged("GET", 503) is Outcome.FAIL
    assert judged("PUT", 409) is Outcome.FAIL


REGISTER = {"r": "0"}
ROOMY = Host("compute1", vcpus=2, memory_mb=64, disk_gb=9, vcpus_used=8, memory_mb_used=64, disk_gb_used=9)


@pytest.mark.parametrize(
    ("host", "says"),
    [
        (replace(ROOMY, vcpus_used=9), "compute1 has 8 processors, its claims take 9"),
        (replace(ROOMY, memory_mb_used=65), "compute1 has 64 MiB of memory, its claims take 65"),
        (replace(ROOMY, disk_gb_used=10), "compute1 has 9 GiB of disk, its claims take 10"),
    ],
)
def test_a_host_that_promised_too_much_is_caught(host: Host, says: str) -> None:
    found = judge(honest(), REGISTER, [], ["s1"], [ROOMY, host])
    assert (found.ruling, found.reasons) == ("invalid", (says,))
    assert judge(honest(), REGISTER, [], ["s1"], None).ruling == "unknown"


def honest() -> Evidence:
    evidence = Evidence()
    evidence.wrote("r", "1", 1.0, Outcome.OK, 2.0)
    evidence.read("r", "1", 3.0, 4.0)
    evidence.servers = {"s1": Outcome.OK, "s2": Outcome.UNKNOWN, "s3": Outcome.FAIL, "s4": Outcome.OK}
    evidence.deleted = {"s4": Outcome.OK}
    return evidence


def test_an_honest_cloud_is_valid_whatever_became_of_what_nobody_knows() -> None:
    for servers in (["s1"], ["s1", "s2"], ["s1", "s2", "s4"]):
        found = judge(honest(), REGISTER, [], servers, [ROOMY])
        assert (found.ruling, found.reasons) == ("valid", ())
    assert judge(honest(), REGISTER, [], None, [ROOMY]).ruling == "unknown"
    assert judge(honest(), REGISTER, None, ["s1"], [ROOMY]).reasons == (
        "the objects could not be asked for at the end",
    )
    assert judge(honest(), REGISTER, None, [], [ROOMY]).ruling == "invalid"


@pytest.mark.parametrize(
    ("servers", "says"),
    [
        ([], "s1 was acknowledged and is gone"),
        (["s1", "s1"], "s1 is there 2 times"),
        (["s1", "s3"], "s3 was refused and is there"),
        (["s1", "s9"], "s9 is there and nobody asked for it"),
    ],
)
def test_lies_about_servers_are_caught(servers: list[str], says: str) -> None:
    found = judge(honest(), REGISTER, [], servers, [ROOMY])
    assert found.ruling == "invalid"
    assert says in found.reasons[0]


def test_lies_about_objects_and_data_are_caught() -> None:
    assert "o7 was acknowledged and is gone" in judge(honest(), REGISTER, ["o7"], ["s1"], [ROOMY]).reasons[0]
    evidence = honest()
    evidence.complain("the image was read with other data than were uploaded")
    assert judge(evidence, REGISTER, [], ["s1"], [ROOMY]).ruling == "invalid"


def test_a_stale_read_is_caught_and_a_lost_write() -> None:
    stale = honest()
    stale.read("r", "0", 5.0, 6.0)
    assert judge(stale, REGISTER, [], ["s1"], [ROOMY]).ruling == "invalid"
    unheard = honest()
    unheard.wrote("r", "2", 5.0, Outcome.UNKNOWN)
    assert judge(unheard, REGISTER, [], ["s1"], [ROOMY]).ruling == "valid"
    unheard.read("r", "2", 6.0, 7.0)
    assert judge(unheard, REGISTER, [], ["s1"], [ROOMY]).ruling == "valid"
    unheard.read("r", "1", 8.0, 9.0)
    assert judge(unheard, REGISTER, [], ["s1"], [ROOMY]).ruling == "invalid"


def test_a_refused_write_is_no_write() -> None:
    evidence = honest()
    evidence.wrote("r", "2", 0.0, Outcome.FAIL)
    assert len(evidence.touched) == 2


def a_run(**changes: object) -> Run:
    seen = (ok(0.1), failed(0.9), ok(1.5))
    lanes = summaries(seen, {"token": CALM}, 2.0)
    run = Run("q", "2026-01-02T03:04:05+00:00", 2.0, lanes, seen, (), Judgement("valid", (), ("this", "that")))
    return replace(run, **changes)


def test_a_run_is_kept_and_the_last_one_is_found(tmp_path: Path) -> None:
    first = kept.keep(a_run(), "<html>", tmp_path)
    second = kept.keep(a_run(started="2026-01-02T03:05:00+00:00"), "<html>", tmp_path)
    assert (tmp_path / "latest").resolve() == second.resolve() != first.resolve()
    summary_kept = json.loads((first / "run.json").read_text())
    assert summary_kept["judgement"]["ruling"] == "valid"
    assert "operations" not in summary_kept
    lines = [json.loads(line) for line in (first / "history.jsonl").read_text().splitlines()]
    assert [line["outcome"] for line in lines] == ["ok", "fail", "ok"]


def test_the_table_at_the_end_has_gaps_and_the_verdict() -> None:
    console = Console(width=120, record=True, force_terminal=False)
    console.print(view.result(a_run(judgement=Judgement("invalid", ("the object o7 is gone",)))))
    text = console.export_text()
    assert "1.40 s" in text
    assert {"downtime", "MTTR", "degraded"} <= set(text.split())
    assert "invalid" in text
    assert "o7 is gone" in text


def test_the_table_at_the_end_fits_a_terminal_of_eighty_columns() -> None:
    lane = LaneSummary("db write", 12345, 1234, 123, 1.123, 10.6, 325.02, (Gap(1.0, 11.6),), 10.6, 1.0)
    console = Console(width=80, record=True, force_terminal=False)
    console.print(view.result(a_run(lanes=(lane,), seconds=600.0)))
    rows = console.export_text().splitlines()
    assert rows[1].split()[-2:] == ["degraded", "served"]
    assert " ".join(rows[2].split()) == "db write 12345 1234 123 1123 ms 10.60 s 325.02 s 10.60 s 100.0 % 45.83 %"


def test_lanes_are_recorded_and_one_that_breaks_harms_nobody_else() -> None:
    def broken(_: int) -> tuple[Outcome, str]:
        raise KeyError("meta")

    recorder = Recorder([Lane("good", 0.01, 1, lambda _: (Outcome.OK, "")), Lane("bad", 0.01, 1, broken)])
    with recorder:
        give_up = time.monotonic() + 10
        while len({one.lane for one in recorder.operations}) < 2 and time.monotonic() < give_up:
            time.sleep(0.01)
        recorder.tell("you", "look", Tone.CHANGE, at=5.0)
        recorder.tell("you", "looked", Tone.CHANGE, at=1.0)
    assert {(one.lane, one.outcome) for one in recorder.operations} == {("good", Outcome.OK), ("bad", Outcome.FAIL)}
    assert [event.says for event in recorder.events] == ["looked", "look"]
    console = Console(width=100, record=True)
    console.print(view.live(recorder, "q, region-one", 100, 5))
    assert "good" in console.export_text()


def test_a_verdict_claims_only_what_there_is_evidence_of() -> None:
    evidence = Evidence()
    assert judge(evidence, {}, [], [], []).checked == ("no host has promised more than it has",)
    evidence.objects["o1"] = Outcome.OK
    evidence.wrote("server metadata", "1", 0.0, Outcome.OK)
    said = " ".join(judge(evidence, {}, [], [], []).checked)
    assert "object" in said
    assert "registers" in said
    assert "server is lost" not in said


def test_who_answers_slowly_is_asked_less_often() -> None:
    def slow(_: int) -> tuple[Outcome, str]:
        time.sleep(0.05)
        return Outcome.OK, ""

    recorder = Recorder([Lane("slow", 0.05, 1, slow)])
    with recorder:
        time.sleep(0.6)
    begun = [one.began for one in recorder.operations]
    assert all(after - before > 0.09 for before, after in pairwise(begun))


def test_an_error_page_becomes_one_line() -> None:
    page = b"<html>\n <head>\n  <title>409 Conflict</title>\n </head>\n <body>\n  <h1>409 Conflict</h1>\n  No.<br />\n"
    assert plain(page) == "409 Conflict No."
    assert plain(b'{"error": {"code": 404}}') == '{"error": {"code": 404}}'
    assert len(plain(b"x" * 500)) == 120
