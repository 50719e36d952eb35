"""Where everything stands in the picture. Pure.

Each region is five rows: its entrance, the services, the queue, the proxies and stores, the databases and disks. The
second region is the first one's mirror image, so that what both share stands side by side in the middle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from lab.topology import ONE, OUTSIDE, TWO

UNIT, BETWEEN, INSET = 53, 8, 4  # a part's share of the width, between two groups, between two boxes
TITLE, BOX, PITCH = 17, 37, 72
REGION_WIDTH, MIDDLE, EDGE = 632, 24, 8
BAND, TOP = 57, 70  # the sites outside of the regions
CHANNEL, ASKER = 18, 110
YOU = "you"  # whoever sits before this machine


class Slot(NamedTuple):
    """A role's place in a row: its first unit from the region's outer edge, and how many parts it has room for."""

    role: str
    unit: int
    room: int


#: From the outer edge inwards; the channel between the two halves comes after unit 6.
HALF = 6
ROWS: tuple[tuple[Slot, ...], ...] = (
    (Slot("edge", 5, 1), Slot("lb", 6, 2), Slot("dns", 9, 1)),
    (Slot("volume", 0, 2), Slot("compute-api", 3, 2), Slot("image", 6, 2), Slot("identity", 9, 2)),
    (Slot("compute", 0, 3), Slot("rabbitmq", 3, 3), Slot("swift-proxy", 6, 2), Slot("shared-galera", 9, 2)),
    (Slot("scheduler", 0, 2), Slot("conductor", 2, 2), Slot("proxysql", 4, 2), Slot("swift", 9, 2)),
    (Slot("osd", 0, 3), Slot("mon", 3, 3), Slot("galera", 6, 3)),
)
OUTSIDE_ROLES = ("client", "wan", "arbitrator")
TITLES = {
    "shared-galera": "shared db",
    "galera": "database",
    "rabbitmq": "queue",
    "osd": "disks",
    "mon": "monitors",
    "lb": "balancers",
    "client": "client, outside",
    "wan": "between sites",
}


@dataclass(frozen=True)
class Rect:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Across."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height

    @property
    def right(self) -> float:
        """Its right edge."""
        return self.x + self.width


@dataclass(frozen=True)
class Group:
    """All parts of one role at one site; `parts` by name. One without parts is done by another role."""

    site: str
    role: str
    title: str
    row: int
    rect: Rect
    parts: Mapping[str, Rect] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """The whole picture."""

    width: float
    height: float
    regions: Mapping[str, Rect]
    groups: Mapping[tuple[str, str], Group]
    #: By site, where lines may go down past rows, from the left.
    channels: Mapping[str, tuple[float, ...]]


Names = Mapping[tuple[str, str], Sequence[str]]


def lay_out(names: Names, asked: str = ONE) -> Layout:
    """Places for the parts of these names, by site and role; whoever asks stands over the region that is `asked`."""
    sites = [site for site in (ONE, TWO) if any(where == site for where, _ in names)]
    width = REGION_WIDTH * len(sites) + MIDDLE * (len(sites) - 1)
    bottom = TOP + PITCH * len(ROWS) + 2
    regions = {
        site: Rect(index * (REGION_WIDTH + MIDDLE), TOP - 4, REGION_WIDTH, bottom - TOP + 4)
        for index, site in enumerate(sites)
    }
    groups: dict[tuple[str, str], Group] = {}
    for site, region in regions.items():
        for row, slots in enumerate(ROWS):
            for slot in slots:
                own = names.get((site, slot.role))
                if own is None and slot.role != "proxysql":
                    continue
                rect = _slot_rect(region, slot, row, is_mirrored=site == TWO)
                groups[site, slot.role] = _group(site, slot.role, row, rect, own or ())
    groups |= _outside(names, width)
    if (entrance := groups.get((asked, "edge"))) is not None:
        place = Rect(entrance.rect.middle - ASKER / 2, 12, ASKER, BAND - 24)
        groups[asked, YOU] = Group(asked, YOU, "You, here", -1, place)
    channels = {site: _channels(region, is_mirrored=site == TWO) for site, region in regions.items()}
    return Layout(width, bottom + 2, regions, groups, channels)


def _unit_x(unit: int) -> float:
    return EDGE + CHANNEL / 2 + unit * UNIT + (CHANNEL if unit >= HALF else 0)


def _slot_rect(region: Rect, slot: Slot, row: int, *, is_mirrored: bool) -> Rect:
    width = slot.room * UNIT - BETWEEN
    x = _unit_x(slot.unit)
    left = region.right - x - width if is_mirrored else region.x + x
    return Rect(left, TOP + row * PITCH, width, TITLE + BOX + INSET)


def _channels(region: Rect, *, is_mirrored: bool) -> tuple[float, ...]:
    inner = _unit_x(HALF) - (CHANNEL + BETWEEN) / 2
    found = (EDGE / 2 + 3, inner, REGION_WIDTH - EDGE / 2 - 3)
    return tuple(sorted(region.right - x if is_mirrored else region.x + x for x in found))


def _group(site: str, role: str, row: int, rect: Rect, names: Sequence[str]) -> Group:
    room = (rect.width - INSET * (len(names) + 1)) / max(len(names), 1)
    boxes = {
        name: Rect(rect.x + INSET + place * (room + INSET), rect.y + TITLE, room, BOX)
        for place, name in enumerate(names)
    }
    return Group(site, role, TITLES.get(role, role), row, rect, boxes)


def _outside(names: Names, width: float) -> dict[tuple[str, str], Group]:
    """The third site, above the middle."""
    roles = [role for role in OUTSIDE_ROLES if (OUTSIDE, role) in names]
    wide, apart = 122, 40
    left = width / 2 - (len(roles) * wide + (len(roles) - 1) * apart) / 2
    return {
        (OUTSIDE, role): _group(
            OUTSIDE, role, -1, Rect(left + place * (wide + apart), 0, wide, BAND - 1), names[OUTSIDE, role]
        )
        for place, role in enumerate(roles)
    }


def short(name: str) -> str:
    """What stands in a box under its group's title: the name if it is short, else its number."""
    if len(name) <= 3:
        return name
    return name.lstrip("abcdefghijklmnopqrstuvwxyz-") or ""
