"""The console's pieces besides the picture: lanes, streams, runs side by side, looks that fail, a run's phases."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.console.compare import side_by_side
from lab.console.lane_views import Stretch, lane_views, stretches
from lab.console.pages import Pages
from lab.console.source import Seen, Source
from lab.console.stream import changes, frame
from lab.console.trouble import sentence_of
from lab.console.watching import NEXT, Phase, Watching, WatchView
from lab.errors import LabError, NotRunningError
from lab.leases.lease import Lease
from lab.registers import Outcome
from lab.watch import kept
from lab.watch.page import page
from lab.watch.run import Event, Gap, Judgement, LaneSummary, Operation, Run, Tone
from lab.watch.strip import Mark
from tests.unit.console_lab import FakeLab, well

PATIENCE = 20.0


def until(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def lane(name: str, *gaps: Gap) -> LaneSummary:
    downtime = sum(gap.seconds for gap in gaps)
    return LaneSummary(name, 100, 2, 1, 0.02, max((gap.seconds for gap in gaps), default=0.0), downtime, gaps)


def run(seconds: float, *lanes: LaneSummary) -> Run:
    events = (Event(1.0, "lb1", "killed", Tone.HARM),)
    return Run(
        "blue", "2026-05-04T10:11:12+00:00", seconds, lanes, (), events, Judgement("valid", (), ("lost writes",))
    )


def test_a_lane_is_served_or_failing_or_begins() -> None:
    served = [Operation("token", at, at + 0.02, Outcome.OK) for at in (0.1, 1.1, 2.1)]
    failed = [Operation("image", 0.1, 0.2, Outcome.OK), Operation("image", 1.0, 1.1, Outcome.FAIL)]
    token, image, boot = lane_views([*served, *failed], {"token": 2.5, "image": 1.0, "boot": 15.0}, 3.0)
    assert (token.state, token.now, token.longest_gap, token.failed) == ("served", "20 ms", "none", 0)
    assert (image.state, image.now, image.failed) == ("failing", "silent 2.8 s", 1)
    assert (boot.state, boot.now) == ("idle", "begins")


def test_a_strip_has_equal_neighbours_as_one() -> None:
    marks = [Mark.BEFORE, Mark.SERVED, Mark.SERVED, Mark.GAP, Mark.MIXED, Mark.SILENT]
    found = [Stretch("served", 1, 2), Stretch("gap", 3, 1), Stretch("mixed", 4, 1), Stretch("silent", 5, 1)]
    assert list(stretches(marks)) == found


def test_a_frame_keeps_its_lines_and_ends_with_an_empty_one() -> None:
    assert frame("picture", "a\nb\r\nc\rd") == "event: picture\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
    assert frame("notice", "") == "event: notice\ndata: \n\n"
    assert changes({"a": "1", "b": "2"}, {"a": "1", "b": "3", "c": ""}) == frame("b", "3") + frame("c", "")
    assert changes({"a": "1"}, {"a": "1"}) == ""


def test_a_picture_is_one_frame() -> None:
    pieces = pages().pieces(Seen(well(), 10.0), WatchView(), 10.0, 0.0)
    for name, piece in pieces.items():
        told = frame(name, piece)
        assert told.count("\n\n") == 1
        assert all(line.startswith(("event: ", "data: ")) for line in told.strip("\n").split("\n"))


def pages() -> Pages:
    return Pages("blue", "secret-of-the-page")


def test_a_look_that_fails_is_a_sentence_beside_the_last_picture() -> None:
    lab = FakeLab()
    source = Source(lab)
    lab.refusal = NotRunningError("The lab blue is not up; `make up` starts it.")
    source.look()
    pieces = pages().pieces(source.seen, WatchView(), 1.0, 0.0)
    assert "The lab blue is not up; `make up` starts it." in pieces["notice"]
    assert "Nothing is seen" in pieces["picture"]
    lab.refusal = None
    source.look()
    assert not pages().pieces(source.seen, WatchView(), time.monotonic(), 0.0)["notice"].strip()
    lab.refusal = ValueError("line one\nline two")
    source.look()
    pieces = pages().pieces(source.seen, WatchView(), source.seen.at + 17, 0.0)
    assert "The lab can&#39;t be looked at: ValueError, line one." in pieces["notice"]
    assert "of 15 s ago" in pieces["notice"]
    assert "data-part" in pieces["picture"]


def test_nobody_looks_while_no_page_is_open() -> None:
    source = Source(FakeLab(), apart=0.01)
    source.start()
    assert source.seen.snapshot is None
    source.come()
    until(lambda: source.seen.snapshot is not None)
    source.leave()
    assert not source.is_viewed
    source.stop()


@pytest.mark.parametrize("error", [LabError("Say this."), RuntimeError(), OSError("x" * 500)])
def test_trouble_is_one_sentence(error: Exception) -> None:
    said = sentence_of("It did not work", error)
    assert "\n" not in said
    assert len(said) <= 300
    assert said.startswith("Say this." if isinstance(error, LabError) else "It did not work: ")


def test_faults_in_force_count_down() -> None:
    lease = Lease("ab", "kill", ("db1", "lb1"), 100.0, 120.0)
    snapshot = replace(well(), faults=(lease,))
    pieces = pages().pieces(Seen(snapshot, 1.0), WatchView(), 1.0, 112.4)
    assert "kill db1, lb1" in pieces["faults"]
    assert "8 s left" in pieces["faults"]
    assert "kill" not in pages().pieces(Seen(snapshot, 1.0), WatchView(), 1.0, 121.0)["faults"]


def test_a_run_is_prepared_watched_judged_and_kept() -> None:
    found: list[Run] = []
    watching = Watching(FakeLab(), lambda run: found.append(run) or "kept-here")
    with pytest.raises(LabError, match="Nothing is watched"):
        watching.stop()
    watching.start("two")
    until(lambda: watching.view().phase is Phase.RUNNING)
    view = watching.view()
    assert (view.site, len(view.lanes)) == ("two", 12)
    assert {lane.name for lane in view.lanes if lane.state == "failing"} == {"db write"}
    with pytest.raises(LabError, match="goes on already"):
        watching.start("one")
    watching.stop()
    until(lambda: watching.view().phase is Phase.IDLE)
    ended = watching.view()
    assert (ended.kept, ended.trouble) == ("kept-here", "")
    assert ended.finished is found[0]
    assert watching.view().seconds == ended.seconds  # it stands still
    assert "Verdict: valid" in pages().pieces(Seen(well(), 1.0), ended, 1.0, 0.0)["story"]


class Unprepared(FakeLab):
    """A lab that can't be watched."""

    def watch(self, site: str, ended: threading.Event, hear: object) -> Run:
        raise NotRunningError("The cloud gives no token.")


def test_a_run_that_comes_to_nothing_says_why_and_another_may_begin() -> None:
    watching = Watching(Unprepared(), lambda _: "")
    for _ in range(2):
        watching.start("one")
        until(lambda: watching.view().phase is Phase.IDLE)
        assert watching.view().trouble == "The cloud gives no token."
    assert "The cloud gives no token." in pages().pieces(Seen(), watching.view(), 1.0, 0.0)["story"]


def test_closing_ends_and_keeps_what_goes_on() -> None:
    found: list[Run] = []
    watching = Watching(FakeLab(), lambda run: found.append(run) or "kept")
    watching.start("one")
    watching.close()
    assert len(found) == 1
    watching.close()


def test_every_phase_leads_back_to_rest() -> None:
    assert set(NEXT) == set(Phase)
    assert all(Phase.IDLE in after for phase, after in NEXT.items() if phase is not Phase.IDLE)


def test_runs_are_kept_and_read_again(tmp_path: Path) -> None:
    original = run(40.0, lane("token", Gap(10.0, 12.0), Gap(38.0, 40.0, closed=False)))
    place = kept.keep(original, page(original), tmp_path)
    assert kept.names(tmp_path) == [place.name]
    assert kept.load(place.name, tmp_path) == original
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{}")
    assert kept.load("broken", tmp_path) is None
    for name in ("../secret", "latest", "", "a/b"):
        assert kept.load(name, tmp_path / "elsewhere") is None
    assert kept.names(tmp_path / "elsewhere") == []


def test_two_runs_have_one_scale() -> None:
    left = run(50.0, lane("token", Gap(10.0, 12.0)), lane("DNS"))
    right = run(100.0, lane("token", Gap(10.0, 15.0)), lane("block"))
    token, names, block = side_by_side([left, right])
    assert [cell.band for cell in token.cells if cell] == [50.0, 100.0]
    assert [cell.gaps[0].width for cell in token.cells if cell] == [2.0, 5.0]
    assert token.says == "3.00 s longer on the right"
    assert (names.cells[1], names.says) == (None, "")
    assert (block.cells[0], block.name) == (None, "block")
    assert side_by_side([left, left])[0].says == "the same"
    assert side_by_side([]) == ()


def test_the_page_of_runs_shows_two_side_by_side() -> None:
    runs = {"a": run(50.0, lane("token", Gap(10.0, 12.0))), "b": run(60.0, lane("token"))}
    shown = pages().runs(runs, ["a", "b"])
    for said in ("2.00 s shorter on the right", "/runs/a/timeline", "/runs/b/timeline", "✓ valid"):
        assert said in shown
    assert "No run is kept yet" in pages().runs({}, [])
    assert "Side by side" in pages().runs(runs, ["gone"])


def test_what_was_said_is_text_on_the_page() -> None:
    evil = "</p><script>alert('&')</script>\x00\ud800"
    view = WatchView(Phase.IDLE, events=(Event(1.0, evil, evil, Tone.HARM),), trouble=evil)
    drawn = [*pages().pieces(Seen(None, 0.0, evil), view, 1.0, 0.0).values(), pages().said(evil)]
    assert not any("<script>" in piece or "\x00" in piece or "\ud800" in piece for piece in drawn)
