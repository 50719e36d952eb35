"""The page of a run of watching: all that was seen is on it, and nothing that was said becomes markup."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from lab.registers import Outcome
from lab.watch.page import page
from lab.watch.run import Event, Gap, Judgement, LaneSummary, Operation, Run, Tone, mean_time_to_recovery
from lab.watch.timeline import timeline

EVENTS = (
    Event(22.0, "you", "killed db2", Tone.HARM),
    Event(10.0, "you", "killed lb1", Tone.HARM),
    Event(10.214, "lb2", "took over", Tone.CHANGE),
    Event(14.0, "lb1", "is back", Tone.HELP),
)


def lane(name: str, *gaps: Gap) -> LaneSummary:
    downtime = sum(gap.seconds for gap in gaps)
    longest = max((gap.seconds for gap in gaps), default=0.0)
    return LaneSummary(name, 1234, 3, 1, 0.0186, longest, downtime, gaps, mean_time_to_recovery(gaps), 0.031)


RUN = Run(
    lab="blue",
    started="2025-09-25T09:41:07+00:00",
    seconds=40.0,
    lanes=(lane("token", Gap(10.0, 10.28)), lane("write", Gap(10.0, 10.3), Gap(22.0, 22.62)), lane("DNS")),
    operations=(
        Operation("token", 9.0, 9.1, Outcome.OK),
        Operation("token", 10.1, 10.2, Outcome.FAIL, "connection refused"),
        Operation("write", 22.1, 22.6, Outcome.UNKNOWN, "no answer"),
    ),
    events=EVENTS,
    judgement=Judgement("valid", ("All that was acknowledged was found.",), ("lost writes",)),
)
EMPTY = Run("blue", "2025-09-25T09:41:07+00:00", 0.0, (), (), ())


def parsed(run: Run) -> Element:
    root = ElementTree.fromstring(page(run))
    for element in root.iter():
        element.tag = element.tag.removeprefix("{http://www.w3.org/1999/xhtml}")
    return root


def words(element: Element) -> str:
    return " ".join(" ".join(element.itertext()).split())


def drawing(run: Run) -> Element:
    return ElementTree.fromstring(timeline(run))


def of_class(root: Element, name: str) -> list[Element]:
    return [element for element in root.iter() if element.get("class") == name]


def row(run: Run, name: str) -> list[str]:
    (found,) = (each for each in parsed(run).iter("tr") if words(each).split()[0] == name)
    return [words(cell) for cell in found]


def test_the_head_says_which_lab_when_how_long_and_the_verdict_with_reasons() -> None:
    (head,) = parsed(RUN).iter("header")
    for said in (
        "2 of 3 lanes had gaps; write waited longest: 0.62 s",
        "blue",
        "25 September 2025, 09:41:07 UTC",
        "40.0 s",
        "Verdict: valid",
        "All that was acknowledged was found.",
        "lost writes",
    ):
        assert said in words(head)


@pytest.mark.parametrize(
    ("ruling", "kind"), [("valid", "valid"), ("invalid", "invalid"), ("unknown", "unknown"), ('x" onload="', "unknown")]
)
def test_each_ruling_looks_different_and_a_strange_one_is_unknown(ruling: str, kind: str) -> None:
    (section,) = parsed(replace(RUN, judgement=Judgement(ruling))).iter("section")
    assert section.get("class") == f"ruling {kind}"
    assert f"Verdict: {ruling}" in words(section)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    root = parsed(RUN)
    assert not {"link", "img", "iframe"} & {element.tag for element in root.iter()}
    assert not [element for element in root.iter() if element.get("src")]
    assert all(element.get("href", "#").startswith("#") for element in root.iter())
    assert "@import" not in page(RUN)


def test_every_lane_has_its_name_and_its_longest_gap_beside_it() -> None:
    root = drawing(RUN)
    assert [words(name) for name in of_class(root, "name")] == ["token", "write", "DNS"]
    assert [words(longest) for longest in of_class(root, "longest")] == ["0.28 s", "0.62 s"]
    assert "none" in [words(none) for none in of_class(root, "none")]


def test_every_gap_is_a_break_with_its_length_as_a_label_and_a_title() -> None:
    root = drawing(RUN)
    assert [words(label) for label in of_class(root, "gap")] == ["0.28 s", "0.30 s", "0.62 s"]
    assert [words(mark) for mark in of_class(root, "break")] == [
        "token without service: 0.28 s",
        "write without service: 0.30 s",
        "write without service: 0.62 s",
    ]


def test_gaps_that_are_near_share_a_label_and_keep_their_marks() -> None:
    near = lane("DNS", Gap(12.0, 12.2), Gap(12.4, 12.6), Gap(13.0, 13.2), Gap(30.0, 30.1))
    root = drawing(replace(RUN, lanes=(near,)))
    assert [words(label) for label in of_class(root, "gap")] == ["3 gaps, 0.60 s", "0.10 s"]
    assert len(of_class(root, "break")) == 4


def test_a_gap_that_has_not_ended_is_said_to_go_on() -> None:
    run = replace(RUN, lanes=(lane("block", Gap(3.0, 4.0), Gap(31.0, 40.0, closed=False)),))
    root = drawing(run)
    assert [words(label) for label in of_class(root, "gap")] == ["1.00 s", "9.00 s, still going on"]
    closed, still_open = (mark.get("d", "") for mark in of_class(root, "break"))
    assert closed.count("l") < still_open.count("l")  # the arrow
    assert words(of_class(root, "longest")[0]) == "≥ 9.00 s"
    assert row(run, "block")[5] == "≥ 9.00 s"
    assert "waited longest: at least 9.00 s" in words(parsed(run))


def test_the_markers_are_the_story_in_order() -> None:
    root = parsed(RUN)
    (told,) = of_class(root, "story")
    assert [words(each) for each in told] == [
        "1 10.00 s you killed lb1",
        "2 10.21 s lb2 took over",
        "3 14.00 s lb1 is back",
        "4 22.00 s you killed db2",
    ]
    links = [element for element in root.iter("a") if element.get("data-event")]
    assert [link.get("href") for link in links] == [f"#{each.get('id')}" for each in told]
    assert [words(of_class(link, "number")[0]) for link in links] == ["1", "2", "3", "4"]
    assert [words(next(link.iter("title"))) for link in links][3] == "4. 22.00 s, you: killed db2"


def test_the_tones_differ_in_shape_colour_and_line() -> None:
    root = drawing(RUN)
    shapes = {(shape.get("d"), shape.get("fill")) for shape in of_class(root, "shape")}
    lines = {line.get("stroke-dasharray") for line in of_class(root, "line")}
    assert (len(shapes), len(lines)) == (3, 3)
    assert len({shape for shape, _ in shapes}) == len({colour for _, colour in shapes}) == 3


def test_markers_of_one_moment_stand_beside_one_another() -> None:
    run = replace(RUN, events=tuple(Event(39.9, "you", "killed it", Tone.HARM) for _ in range(60)))
    signs = [group.get("transform", "") for group in drawing(run).iter("g")]
    places = [tuple(float(part) for part in sign[len("translate(") : -1].split()) for sign in signs]
    assert len(places) == 60
    for index, (x, y) in enumerate(places):
        assert 0 < x < 1280
        assert all(abs(x - other) >= 36 or abs(y - below) >= 36 for other, below in places[:index])


def test_failures_are_ticks_that_say_what_was_answered() -> None:
    assert [words(tick) for tick in of_class(drawing(RUN), "tick")] == [
        "token, 10.10 s: 1 failed, 0 unknown (connection refused)",
        "write, 22.10 s: 0 failed, 1 unknown (no answer)",
    ]


def test_the_table_has_the_numbers_of_each_lane() -> None:
    assert row(RUN, "write") == ["write", "1,234", "3", "1", "19 ms", "0.62 s", "0.92 s", "0.46 s", "3.1 %", "97.70 %"]
    assert row(RUN, "DNS")[5:] == ["none", "0.00 s", "none", "3.1 %", "100.00 %"]


def test_only_a_lane_without_gaps_was_available_all_the_time() -> None:
    assert row(replace(RUN, lanes=(lane("DNS", Gap(1.0, 1.0001)),)), "DNS")[-1] == "99.99 %"


def test_a_lane_without_a_success_has_no_median() -> None:
    dead = LaneSummary("dead", 3, 2, 1, 0.0, 40.0, 40.0, (Gap(0.0, 40.0, closed=False),))
    found = row(replace(RUN, lanes=(dead,)), "dead")
    assert (found[4], found[-1]) == ("\N{EN DASH}", "0.00 %")


def test_what_others_said_is_text() -> None:
    evil = "</title></style></script><script>alert('&')</script>\" onload=\"x"
    run = Run(
        lab=evil,
        started=evil,
        seconds=40.0,
        lanes=(replace(RUN.lanes[0], name=evil),),
        operations=(Operation(evil, 10.1, 10.2, Outcome.FAIL, evil),),
        events=(Event(1.0, evil, evil, Tone.HARM),),
        judgement=Judgement(evil, (evil,), (evil,)),
    )
    written = page(run)
    assert written.count("<script") == 1
    assert "alert(" not in words(next(parsed(run).iter("script")))
    assert not [element for element in parsed(run).iter() if element.get("onload")]
    assert evil in words(of_class(parsed(run), "story")[0])


def test_what_no_document_may_contain_is_replaced() -> None:
    run = replace(RUN, events=(Event(1.0, "you\x00", "\x1b[31mred\udcff", Tone.HARM),))
    page(run).encode()
    assert "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}" in words(of_class(parsed(run), "story")[0])


def test_many_requests_and_gaps_make_no_large_drawing() -> None:
    names = [f"lane{number}" for number in range(8)]
    wrong = (Outcome.FAIL, Outcome.UNKNOWN)
    many = tuple(
        Operation(names[number % 8], number / 1250, number / 1250, wrong[number % 3 % 2], "no")
        for number in range(50_000)
    )
    torn = tuple(Gap(number / 50, number / 50 + 0.01) for number in range(2000))
    run = replace(RUN, operations=many, lanes=tuple(lane(name, *torn) for name in names))
    assert len(list(drawing(run).iter())) < 5000
    assert len(page(run)) < 1_000_000


def test_an_empty_run_has_a_page() -> None:
    said = words(parsed(EMPTY))
    for sentence in ("Nothing was watched", "Nothing happened.", "No lane was watched.", "Verdict: unknown"):
        assert sentence in said


def test_a_lane_of_a_run_that_took_no_time_has_a_row() -> None:
    assert row(replace(EMPTY, lanes=(lane("DNS"),)), "DNS")[-1] == "\N{EN DASH}"


def test_a_run_without_gaps_says_so() -> None:
    assert "Every lane was served all the time" in words(parsed(replace(RUN, lanes=(lane("DNS"),))))


@pytest.mark.parametrize("seconds", [0.004, 0.5, 7.0, 40.0, 3600.0, 1e6])
def test_the_axis_has_a_few_round_times(seconds: float) -> None:
    marks = [words(mark) for mark in of_class(drawing(replace(RUN, seconds=seconds)), "axis")]
    assert marks[0] == "0 s"
    assert 1 <= len(marks) <= 11
