"""Both regions as one drawing: every part with its state, who leads, where requests go. Pure.

Whoever asks gets SVG for a page whose style sheet knows its classes. A state is a word, a shape and a pattern; colour
only repeats it. Everything that can be chosen has the name of what is meant in `data-part`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement, tostring

from lab.console import lines
from lab.console.layout import YOU, Group, Rect, lay_out, short
from lab.console.marks import SIGNS, Condition, aloud, condition, mark, way_word
from lab.console.snapshot import Snapshot
from lab.status_model import LabStatus, PartStatus, RegionStatus, Verdict
from lab.topology import ONE, OUTSIDE, label

VERDICTS = {
    Verdict.REDUNDANT: "M-7 0L-2 5L7 -6",
    Verdict.SERVING: "M0 -7V2M0 6V7",
    Verdict.FAILING: "M-6 -6L6 6M6 -6L-6 6",
}
UNROUTED = "No way leads to its network from here: little is seen."


@dataclass(frozen=True)
class Lit:
    """What is known of the lanes: the region that they ask, and how each does (`served`, `failing`, `idle`)."""

    site: str = ONE
    lanes: Mapping[str, str] = field(default_factory=dict)


def picture(snapshot: Snapshot, lit: Lit | None = None) -> str:
    """The drawing."""
    lit = lit or Lit()
    status = snapshot.status
    layout = lay_out(_names(status), lit.site)
    svg = Element("svg", viewBox=f"-2 -2 {layout.width + 4:g} {layout.height + 2:g}", role="group")
    svg.set("aria-label", f"The lab {status.lab}: {'; '.join(f'{r.region}: {r.sentence}' for r in status.regions)}")
    _patterns(svg)
    for region in status.regions:
        _region(svg, layout.regions[region.site], region)
    drawing = lines.Lines(layout, snapshot)
    drawing.traffic(svg)
    for group in layout.groups.values():
        _frame(svg, group)
    drawing.lanes(svg, lit.lanes, lit.site)
    parts = snapshot.parts
    extra = {"client": f"to region-{drawing.announced}" if drawing.announced else ""}
    extra["wan"] = way_word(status.outside.way if status.outside else "")
    regions = {region.site: region for region in status.regions}
    for group in layout.groups.values():
        for name, box in group.parts.items():
            own = parts[label(group.site, name)]
            word = mark(regions[group.site], own) if group.site in regions else ""
            _part(svg, group.site, own, box, word, extra.get(own.role, ""))
    drawing.breaks(svg, lit.lanes, lit.site)
    return tostring(svg, encoding="unicode")


def _names(status: LabStatus) -> dict[tuple[str, str], tuple[str, ...]]:
    names = {
        (region.site, role.role): tuple(part.name for part in role.parts)
        for region in status.regions
        for role in region.roles
    }
    if status.outside is not None:
        names |= {(OUTSIDE, role.role): tuple(part.name for part in role.parts) for role in status.outside.roles}
    return names


def put(parent: Element, tag: str, text: str = "", **attributes: object) -> Element:
    """A new element with a text."""
    child = SubElement(parent, tag, {name.rstrip("_").replace("_", "-"): str(own) for name, own in attributes.items()})
    child.text = text
    return child


def _patterns(svg: Element) -> None:
    """What fills the boxes of parts that do not work."""
    for name, turn in (("dead", "rotate(45)"), ("frozen", "rotate(0)")):
        own = put(put(svg, "defs"), "pattern", id=f"fill-{name}", width=7, height=7, patternUnits="userSpaceOnUse")
        own.set("patternTransform", turn)
        put(own, "path", d="M0 0H7V7H0Z", class_="paper")
        put(own, "path", d="M0 0H2.5V7H0Z", class_=f"stripe {name}")


def _rect(parent: Element, rect: Rect, name: str, corner: int = 5) -> Element:
    shape = put(parent, "rect", class_=name, x=f"{rect.x:g}", y=f"{rect.y:g}", rx=corner)
    shape.set("width", f"{rect.width:g}")
    shape.set("height", f"{rect.height:g}")
    return shape


def _chosen(parent: Element, place: str, spoken: str, name: str) -> Element:
    """A group that can be chosen with the pointer and the keyboard."""
    found = put(parent, "g", class_=name, id=f"part-{place.replace('/', '-').replace(':', '-')}", tabindex=0)
    found.set("role", "button")
    found.set("data-part", place)
    found.set("aria-label", spoken)
    put(found, "title", spoken)
    return found


def _region(svg: Element, rect: Rect, region: RegionStatus) -> None:
    _rect(svg, rect, f"region {region.verdict}", 8)
    is_left = region.site == ONE
    x = rect.x + 18 if is_left else rect.right - 252
    place = _chosen(svg, f"region:{region.site}", f"{region.region} as a whole. {region.sentence}", "whole")
    _rect(place, Rect(x - 8, rect.y + 6, 250, 60), "choice", 6)
    put(place, "path", d=VERDICTS[region.verdict], class_=f"verdict {region.verdict}",
        transform=f"translate({x + 8} {rect.y + 21})")  # fmt: skip
    put(place, "text", region.region, class_="region-name", x=x + 24, y=rect.y + 27)
    sentence = region.sentence if region.is_routed else UNROUTED
    for line, words in enumerate(_wrapped(sentence, 36, 2)):
        put(place, "text", words, class_="sentence", x=x, y=rect.y + 44 + 16 * line)


def _wrapped(sentence: str, width: int, most: int) -> list[str]:
    """In so many lines at most."""
    found = [""]
    for word in sentence.split():
        if found[-1] and len(found[-1]) + len(word) >= width:
            found.append(word)
        else:
            found[-1] = f"{found[-1]} {word}".strip()
    if len(found) > most:
        found[most - 1 :] = [f"{found[most - 1][: width - 1]}\N{HORIZONTAL ELLIPSIS}"]
    return found


def _frame(svg: Element, group: Group) -> None:
    if group.role == YOU:
        _rect(svg, group.rect, "you", 16)
        put(svg, "text", group.title, class_="asker", x=group.rect.middle, y=group.rect.y + group.rect.height / 2 + 5)
        return
    _rect(svg, group.rect, "group")
    put(svg, "text", group.title, class_="title", x=group.rect.middle, y=group.rect.y + 13)
    if not group.parts:  # its work is done elsewhere
        put(svg, "text", "HAProxy, in the", class_="word", x=group.rect.middle, y=group.rect.y + 31)
        put(svg, "text", "load balancers", class_="word", x=group.rect.middle, y=group.rect.y + 46)


def _part(svg: Element, site: str, part: PartStatus, box: Rect, word: str, extra: str) -> None:
    state = condition(part)
    name = "part" + (" leads" if word else "") + f" {state.name.lower()}"
    place = _chosen(svg, label(site, part.name), aloud(site, part, word), name)
    _rect(place, box, "box", 4)
    says = "" if part.name == part.role else short(part.name)
    foot = word if state is Condition.GOOD else state.value
    foot = foot or extra or QUIET.get(part.role, "")
    left = box.middle - (len(says) * 9 + (12 if says else 10)) / 2
    y = box.y + (13 if foot else box.height / 2)
    sign = SIGNS[state]
    kind = "line" if sign.is_stroke else "area"
    put(place, "path", d=sign.shape, class_=f"sign {kind}", transform=f"translate({left + 5:g} {y:g})")
    put(place, "text", says, class_="name", x=f"{left + 12:g}", y=f"{y + 5:g}")
    if word and state is Condition.GOOD:
        _rect(place, Rect(box.x + 1, box.bottom - 16, box.width - 2, 15), "ribbon", 3)
    style = "word" if state is not Condition.GOOD else "word on" if word else "word quiet"
    put(place, "text", foot, class_=style, x=f"{box.middle:g}", y=f"{box.bottom - 4:g}")


#: What the others of a role do, where one of them is marked.
QUIET = {"lb": "spare", "galera": "synced", "rabbitmq": "follows", "arbitrator": "votes", "wan": "free"}
