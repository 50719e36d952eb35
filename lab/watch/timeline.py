"""A run as one drawing: a lane for each function, its gaps as breaks, the events as numbered lines. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from lab.registers import Outcome
from lab.watch.run import Event, LaneSummary, Operation, Run, Tone

WIDTH, RIGHT, LANE, MARKER = 1280, 132, 60, 39
LETTER = 9.4  # about the width of a letter, to see which words would touch
COLUMN = 6  # failures nearer than this are one tick: the drawing stays small however many requests failed
NARROWEST = 6  # a gap is never drawn narrower than this

# Meaning, colour (Okabe and Ito's hues, dark enough for white numbers), the line's dashes, a shape that says it too.
SIGNS = {
    Tone.HARM: ("something broke", "#b84a00", "none", "M-13 -13H13V13H-13Z"),
    Tone.HELP: ("something came back", "#00735a", "9 4", "M-14 0A14 14 0 1 1 14 0A14 14 0 1 1 -14 0Z"),
    Tone.CHANGE: ("a role moved", "#0067a8", "2 4", "M0 -18L18 0L0 18L-18 0Z"),
}


@dataclass(frozen=True, slots=True)
class Scale:
    """Where a time is on the drawing."""

    left: float
    width: float
    seconds: float

    def x(self, at: float) -> float:
        """The place of a time; what lies outside the run stands at its edge."""
        return round(self.left + self.width * min(max(at / (self.seconds or 1), 0), 1), 1)


@dataclass(frozen=True, slots=True)
class Break:
    """One gap, or several that are too near one another to be told apart: its place, and what it stands for."""

    left: float
    right: float
    lost: float  # seconds without service
    count: int = 1
    closed: bool = True

    @property
    def label(self) -> str:
        """What stands over it."""
        several = f"{self.count} gaps, " if self.count > 1 else ""
        return f"{several}{self.lost:.2f} s{'' if self.closed else ', still going on'}"

    def centre(self, scale: Scale) -> float:
        """Of its label, which stays where the time is."""
        half = len(self.label) * LETTER / 2
        return round(max(min((self.left + self.right) / 2, scale.left + scale.width - half), scale.left + half), 1)

    def joined(self, later: Break) -> Break:
        """Both as one."""
        return Break(self.left, later.right, self.lost + later.lost, self.count + later.count, later.closed)


def story(run: Run) -> list[tuple[int, Event]]:
    """The events in order, each with the number that it has in the drawing and in the text."""
    return list(enumerate(sorted(run.events, key=lambda event: event.at), start=1))


def longest_gap(lane: LaneSummary) -> str:
    """In words: a gap that still goes on is at least as long as it was seen."""
    longest = max(lane.gaps, key=lambda gap: gap.seconds, default=None)
    return f"{'' if longest.closed else '≥ '}{longest.seconds:.2f} s" if longest else "none"


def timeline(run: Run) -> str:
    """The drawing, as SVG for a page, whose style sheet knows its classes."""
    left = min(max([len(lane.name) * LETTER for lane in run.lanes] + [60]) + 20, 240)
    scale = Scale(left, WIDTH - RIGHT - left, run.seconds)
    told, failures = story(run), _failures(run.operations, scale)
    rows = int(len(told) * MARKER // scale.width) + 1
    top = rows * MARKER + 34
    bottom = top + LANE * len(run.lanes)
    words = f"Timeline of {run.seconds:.0f} seconds with {len(run.lanes)} lanes and {len(told)} events"
    svg = Element("svg", {"viewBox": f"0 0 {WIDTH} {bottom + 34}", "role": "group", "aria-label": words})
    _axis(svg, scale, top, bottom)
    for place, lane in enumerate(run.lanes):
        _band(svg, scale, lane, top + LANE * place)
    _events(svg, scale, told, rows, bottom)
    for place, lane in enumerate(run.lanes):  # over the events' lines, which would cross the words
        breaks = _breaks(lane, scale)
        _gaps(svg, lane, breaks, top + LANE * place + 20)
        _labels(svg, scale, breaks, top + LANE * place + 15)
        _ticks(svg, lane.name, failures[lane.name], top + LANE * place + 49)
    return tostring(svg, encoding="unicode")


def _put(parent: Element, tag: str, text: str = "", title: str = "", **attributes: object) -> Element:
    """A new element with a text, or with a title that is read aloud and shown under the pointer."""
    child = SubElement(parent, tag, {name.rstrip("_").replace("_", "-"): str(own) for name, own in attributes.items()})
    child.text = text
    if title:
        child.set("role", "img")
        _put(child, "title", title)
    return child


def _axis(svg: Element, scale: Scale, top: float, bottom: float) -> None:
    steps = (base * 10.0**power for power in range(-2, 7) for base in (1, 2, 5))
    step = next((step for step in steps if scale.seconds / step <= 10), scale.seconds)
    for number in range(int(scale.seconds / step + 1e-9) + 1):
        x = scale.x(number * step)
        _put(svg, "path", class_="grid", d=f"M{x} {top}V{bottom + 8}")
        _put(svg, "text", f"{number * step:g} s", class_="axis", x=x, y=bottom + 26)
    _put(svg, "text", "longest gap", class_="none", x=WIDTH - 4, y=top - 8)


def _breaks(lane: LaneSummary, scale: Scale) -> list[Break]:
    found: list[Break] = []
    for gap in lane.gaps:
        left = scale.x(gap.began)
        one = Break(left, max(scale.x(gap.ended), left + NARROWEST), gap.seconds, 1, gap.closed)
        found.append(found.pop().joined(one) if found and left - found[-1].right < 1 else one)
    return found


def _band(svg: Element, scale: Scale, lane: LaneSummary, y: float) -> None:
    """A lane's name, its time, and how long its longest gap was."""
    _put(svg, "text", lane.name if len(lane.name) < 25 else f"{lane.name[:23]}…", class_="name", x=4, y=y + 40)
    title = f"{lane.name}: {lane.operations} requests, {lane.failed} failed, {lane.unknown} unknown"
    _put(svg, "rect", "", title, class_="band", x=scale.left, y=y + 24, width=scale.width, height=20)
    _put(svg, "text", longest_gap(lane), class_="longest" if lane.gaps else "none", x=WIDTH - 4, y=y + 40)


def _gaps(svg: Element, lane: LaneSummary, breaks: Iterable[Break], y: float) -> None:
    """Each higher than the band, hatched, and an arrow if it still goes on."""
    for one in breaks:
        shape = f"M{one.left} {y + 28}v-28H{one.right}{'v28Z' if one.closed else 'l11 14l-11 14Z'}"
        _put(svg, "path", "", f"{lane.name} without service: {one.label}", class_="break", d=shape)


def _labels(svg: Element, scale: Scale, breaks: Iterable[Break], y: float) -> None:
    """Over each break how long it was; over several together where the words would touch."""
    found: list[Break] = []
    for one in breaks:
        found.append(one)
        while len(found) > 1 and _touch(found[-2], found[-1], scale):
            found[-2:] = [found[-2].joined(found[-1])]
    for one in found:
        _put(svg, "text", one.label, class_="gap", x=one.centre(scale), y=y)


def _touch(one: Break, later: Break, scale: Scale) -> bool:
    return later.centre(scale) - one.centre(scale) < (len(one.label) + len(later.label) + 1) * LETTER / 2


def _failures(operations: Iterable[Operation], scale: Scale) -> dict[str, dict[float, list[Operation]]]:
    """What went wrong, by lane and column."""
    found: dict[str, dict[float, list[Operation]]] = defaultdict(lambda: defaultdict(list))
    for one in operations:
        if one.outcome is not Outcome.OK:
            found[one.lane][scale.x(one.began) // COLUMN * COLUMN + COLUMN / 2].append(one)
    return found


def _ticks(svg: Element, lane: str, columns: dict[float, list[Operation]], y: float) -> None:
    """A stroke where a request began that failed, a ring where one did of which nobody knows."""
    for x, own in columns.items():
        failed, unknown = (sum(one.outcome is kind for one in own) for kind in (Outcome.FAIL, Outcome.UNKNOWN))
        stroke = f"M{x} {y}v9" if failed else ""
        ring = f"M{x - 3} {y + 5}a3 3 0 1 1 6 0a3 3 0 1 1 -6 0Z" if unknown else ""
        detail = next((f" ({one.detail[:120]})" for one in own if one.detail), "")
        title = f"{lane}, {own[0].began:.2f} s: {failed} failed, {unknown} unknown{detail}"
        _put(svg, "path", "", title, class_="tick", d=stroke + ring)


def _events(svg: Element, scale: Scale, told: list[tuple[int, Event]], rows: int, bottom: float) -> None:
    """A numbered sign above the lanes for each event, and from it a line down at its time."""
    places = _spread([scale.x(event.at) for _, event in told], MARKER / rows, WIDTH - RIGHT)
    for (number, event), x in zip(told, places, strict=True):
        _, colour, dashes, shape = SIGNS[event.tone]
        y, at, low = 20 + MARKER * ((number - 1) % rows), scale.x(event.at), rows * MARKER + 20
        link = _put(svg, "a", href=f"#event-{number}", data_event=number)
        down = f"M{x} {y}V{low - 16}L{at} {low}V{bottom + 8}"
        _put(link, "path", class_="line", d=down, stroke=colour, stroke_dasharray=dashes)
        title = f"{number}. {event.at:.2f} s, {event.who}: {event.says}"
        sign = _put(link, "g", "", title, transform=f"translate({x} {y})")
        _put(sign, "path", class_="shape", d=shape, fill=colour)
        _put(sign, "text", str(number), class_="number", y=5)


def _spread(wanted: list[float], apart: float, last: float) -> list[float]:
    """Places in order, each as near to the wanted one as it may be when none touches another."""
    places: list[float] = []
    for x in wanted:
        places.append(max(x, places[-1] + apart) if places else x)
    for index in reversed(range(len(places))):
        last = places[index] = min(places[index], last)
        last -= apart
    return places
