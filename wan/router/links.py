"""What is asked of the network between the sites: a document about pairs becomes a `Link` for each direction. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

SITES = ("one", "two", "outside")
LONGEST_DELAY = 5000.0

Direction = tuple[str, str]


class Link(NamedTuple):
    """One direction between two sites. The delay is one way; the loss is a share of the packets, 0 to 1."""

    delay_ms: float = 0.0
    loss: float = 0.0
    cut: bool = False


NO_FAULT = Link()
DIRECTIONS: tuple[Direction, ...] = tuple((here, there) for here in SITES for there in SITES if here != there)
HEALTHY: Mapping[Direction, Link] = dict.fromkeys(DIRECTIONS, NO_FAULT)


class RefusedError(ValueError):
    """The document asks for something that there is not."""


def parse(document: object) -> dict[Direction, Link]:
    """The links that a document asks for; what it does not name is healthy.

    Keys: `one-two` (both ways), `one>two` (that way only), `one` (everything from and to that site).
    Values: `delay_ms` (one way), `loss` (per cent), `cut`.
    """
    if not isinstance(document, dict):
        raise RefusedError("expected an object of links")
    links = dict(HEALTHY)
    for name, wish in document.items():
        link = _link(name, wish)
        for direction in directions(name):
            links[direction] = _worse(links[direction], link)
    return links


def directions(name: str) -> list[Direction]:
    """The directions that a name stands for."""
    here, arrow, there = name.partition(">")
    if arrow:
        found = [(here, there)]
    else:
        here, dash, there = name.partition("-")
        found = [(here, there), (there, here)] if dash else [pair for pair in DIRECTIONS if name in pair]
    if not found or not set(found) <= set(DIRECTIONS):
        raise RefusedError(f"there is no link {name!r}: name two of {', '.join(SITES)}, as in one-two")
    return found


def _link(name: str, wish: object) -> Link:
    if not isinstance(wish, dict) or not set(wish) <= {"delay_ms", "loss", "cut"}:
        raise RefusedError(f"{name}: expected delay_ms, loss, cut")
    delay, loss, cut = wish.get("delay_ms", 0), wish.get("loss", 0), wish.get("cut", False)
    if not _number(delay) or not 0 <= delay <= LONGEST_DELAY:
        raise RefusedError(f"{name}: delay_ms is a number from 0 to {LONGEST_DELAY:.0f}")
    if not _number(loss) or not 0 <= loss <= 100:
        raise RefusedError(f"{name}: loss is a percentage")
    if not isinstance(cut, bool):
        raise RefusedError(f"{name}: cut is true or false")
    return Link(float(delay), loss / 100, cut)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _worse(one: Link, other: Link) -> Link:
    return Link(max(one.delay_ms, other.delay_ms), max(one.loss, other.loss), one.cut or other.cut)


def document(links: Mapping[Direction, Link]) -> dict[str, dict[str, float | bool]]:
    """The shortest document that asks for these links: pairs where both ways are alike, directions elsewhere."""
    written: dict[str, dict[str, float | bool]] = {}
    for here, there in DIRECTIONS:
        link = links[here, there]
        if link == NO_FAULT:
            continue
        alike = links[there, here] == link
        if alike and SITES.index(here) > SITES.index(there):
            continue
        name = f"{here}-{there}" if alike else f"{here}>{there}"
        written[name] = {"delay_ms": link.delay_ms, "loss": round(link.loss * 100, 6), "cut": link.cut}
    return written
