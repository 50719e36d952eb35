"""The lines of the picture: traffic that there always is, and the ways of the lanes' requests over it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement

from lab.console.layout import Group, Layout, Rect
from lab.console.marks import Condition, condition, marks, way_word
from lab.console.snapshot import Snapshot
from lab.console.ways import BETWEEN, Hop, hops, traffic
from lab.console.wires import Point, drawn, wire
from lab.topology import ONE, OUTSIDE, TWO, label

CROSS, BANG = "M-6 -6L6 6M6 -6L-6 6", "M0 -7V1M0 7V7.1"
#: Roles of which one part leads.
LED = frozenset({"lb", "galera", "rabbitmq"})


class Lines:
    """The lines of one picture."""

    def __init__(self, layout: Layout, snapshot: Snapshot) -> None:
        self._layout, self._snapshot = layout, snapshot
        self._marks = marks(snapshot.status)
        self._parts = snapshot.parts

    def traffic(self, svg: Element) -> None:
        """What there always is, thin, each with an arrow."""
        for hop in (hop for site in self._snapshot.sites for hop in traffic(site, is_alone=self._is_alone)):
            points = self._points(hop)
            if points:
                _path(svg, "traffic", drawn(points))
                _arrow(svg, points)
        self._between(svg)

    def lanes(self, svg: Element, states: Mapping[str, str], site: str) -> None:
        """The ways of all lanes that are watched; the page shows those that are chosen or fail."""
        for lane, state in states.items():
            found = [points for hop in self._hops(lane, site) if (points := self._points(hop))]
            group = SubElement(svg, "g", {"class": f"way {state}", "data-lane": lane})
            for points in found:
                _path(group, "halo", drawn(points))
            for points in found:
                _path(group, "thread", drawn(points))
                _path(group, "flow", drawn(points))
                _arrow(group, points)

    def breaks(self, svg: Element, states: Mapping[str, str], site: str) -> None:
        """A cross where the way of a lane that nobody serves seems to end."""
        for lane, state in states.items():
            if state == "failing" and (place := self._break(self._hops(lane, site))) is not None:
                group = SubElement(svg, "g", {"class": "way failing", "data-lane": lane})
                around = {"class": "broken", "transform": f"translate({place[0]:g} {place[1]:g})"}
                mark = SubElement(group, "g", around)
                SubElement(mark, "circle", {"r": "12"})
                SubElement(mark, "path", {"d": CROSS})

    def _hops(self, lane: str, site: str) -> tuple[Hop, ...]:
        """Of a lane, as far as its parts are there."""
        found = hops(lane, site, self.announced, is_alone=self._is_alone)
        return tuple(hop for hop in found if all(stop in self._layout.groups for stop in hop))

    @property
    def _is_alone(self) -> bool:
        return len(self._snapshot.sites) == 1

    @property
    def announced(self) -> str:
        """The region whose load balancer the anycast address leads to."""
        for region in self._snapshot.status.regions:
            for role in region.roles:
                if role.role == "lb" and any(part.address == self._snapshot.anycast for part in role.parts):
                    return region.site
        return ""

    def _points(self, hop: Hop) -> list[Point]:
        start, end = (self._layout.groups.get((stop.site, stop.role)) for stop in hop)
        if start is None or end is None:
            return []
        return wire(self._layout, start, end, self._leader(start), self._leader(end))

    def _leader(self, group: Group) -> Rect | None:
        """The box of the part that does the work of its group; None where any does."""
        return next((box for name, box in group.parts.items() if (group.site, name) in self._marks), None)

    def _break(self, way: Sequence[Hop]) -> Point | None:
        """Where a way enters what seems to be the reason: who leads is hurt or nobody leads, else the last of the
        hurt, else the way's end."""
        ends = {hop[1]: points for hop in way if (points := self._points(hop))}
        if not ends:
            return None
        groups = {stop: self._layout.groups[stop.site, stop.role] for stop in ends}
        hurt = [stop for stop, group in groups.items() if any(map(self._is_hurt, self._labels(group)))]
        headless = [stop for stop in hurt if stop.role in LED and not self._has_leader(groups[stop])]
        points = ends[(headless or hurt[::-1] or list(ends)[::-1])[0]]
        (x0, y0), (x, y) = points[-2:]
        return (x - 7 * (x > x0) + 7 * (x < x0), y - 7 * (y > y0) + 7 * (y < y0))

    def _has_leader(self, group: Group) -> bool:
        """Whether a part leads that works."""
        return any(
            (group.site, name) in self._marks and not self._is_hurt(label(group.site, name)) for name in group.parts
        )

    def _labels(self, group: Group) -> list[str]:
        return [label(group.site, name) for name in group.parts]

    def _is_hurt(self, name: str) -> bool:
        return condition(self._parts[name]) is not Condition.GOOD

    def _between(self, svg: Element) -> None:
        """The way between the sites, broken where the router's sentence says so."""
        router = self._layout.groups.get((OUTSIDE, "wan"))
        outside = self._snapshot.status.outside
        if router is None or outside is None:
            return
        is_hurt = bool(outside.way) or any(map(self._is_hurt, self._labels(router)))
        name = "traffic hurt" if is_hurt else "traffic"
        x, y = router.rect.middle, router.rect.y + router.rect.height * 0.55
        low = y
        for role in BETWEEN:
            ends = [self._layout.groups[site, role] for site in (ONE, TWO) if (site, role) in self._layout.groups]
            for group in ends:
                low = group.rect.y + group.rect.height * 0.6
                edge = group.rect.right if group.rect.x < x else group.rect.x
                _path(svg, name, f"M{x:g} {low:g}H{edge:g}")
                _head(svg, (x, low), (edge, low))
        _path(svg, name, f"M{x:g} {router.rect.bottom:g}V{low:g}")
        for role in ("client", "arbitrator"):
            if (beside := self._layout.groups.get((OUTSIDE, role))) is not None:
                edge = beside.rect.right if beside.rect.x < x else beside.rect.x
                own = router.rect.x if beside.rect.x < x else router.rect.right
                _path(svg, "traffic", f"M{edge:g} {y:g}H{own:g}")
        if is_hurt:
            mark = SubElement(
                svg, "g", {"class": "broken", "transform": f"translate({x:g} {router.rect.bottom + 26:g})"}
            )
            SubElement(mark, "circle", {"r": "12"})
            passes = way_word(outside.way) in {"slow", "lossy"}
            SubElement(mark, "path", {"d": BANG if passes else CROSS})


def _path(parent: Element, name: str, d: str) -> None:
    SubElement(parent, "path", {"class": name, "d": d})


def _arrow(parent: Element, points: list[Point]) -> None:
    _head(parent, points[-2], points[-1])


def _head(parent: Element, before: Point, end: Point) -> None:
    """The head of an arrow that ends here."""
    (x0, y0), (x, y) = before, end
    turn = 0 if x > x0 else 180 if x < x0 else 90 if y > y0 else 270
    d, at = "M-7 -4.5L0 0L-7 4.5Z", f"translate({x:g} {y:g}) rotate({turn})"
    SubElement(parent, "path", {"class": "head", "d": d, "transform": at})
