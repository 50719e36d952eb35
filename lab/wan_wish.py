"""What the user wants of the network between the sites, in the words of the router's documents. Pure."""

import re
from collections.abc import Mapping

from lab.errors import BadNameError
from lab.names import suggestion

PAIRS = ("one-two", "one-outside", "two-outside")
SITES = ("one", "two", "outside")
EVERYWHERE = "all"
REGIONS = "one-two"

Link = Mapping[str, float | bool]
Links = Mapping[str, Link]

NO_FAULT: Link = {"delay_ms": 0.0, "loss": 0.0, "cut": False}


def pairs(where: str) -> tuple[str, ...]:
    """The pairs of sites that a word stands for: `one-two`, `one` (that site from everything), `all`."""
    if where == EVERYWHERE:
        return PAIRS
    if where in SITES:
        return tuple(pair for pair in PAIRS if where in pair.split("-"))
    for pair in PAIRS:
        if sorted(where.split("-")) == sorted(pair.split("-")):
            return (pair,)
    raise BadNameError(f"There is no link {where!r}.{suggestion(where, (*PAIRS, *SITES, EVERYWHERE))}")


def delay(text: str) -> float:
    """Milliseconds out of `80ms`, `0.2s` or `80`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s)?", text.strip())
    milliseconds = float(found[1]) * (1000 if found[2] == "s" else 1) if found else 0.0
    if not 0 < milliseconds <= 5000:
        raise BadNameError(f"{text!r} is no delay: say 80ms, one way, up to 5s.")
    return milliseconds


def loss(text: str) -> float:
    """A percentage out of `5%` or `5`."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)%?", text.strip())
    if not found or not 0 < float(found[1]) <= 100:
        raise BadNameError(f"{text!r} is no loss: say 5%.")
    return float(found[1])


def changed(links: Links, where: str, **fault: float | bool) -> dict[str, Link]:
    """The links with one more fault on some of them; other faults stay."""
    present = _by_pair(links)
    return _faulty(present | {pair: {**present[pair], **fault} for pair in pairs(where)})


def healed(links: Links, where: str = EVERYWHERE) -> dict[str, Link]:
    """The links with no fault on some of them."""
    return _faulty(_by_pair(links) | dict.fromkeys(pairs(where), NO_FAULT))


def link_of(links: Links, pair: str) -> Link:
    """What is in force between two sites; the worse way, where they differ (`one>two`)."""
    here, there = pair.split("-")
    found = [links.get(name, NO_FAULT) for name in (pair, f"{here}>{there}", f"{there}>{here}")]
    return {name: max(link.get(name, healthy) for link in found) for name, healthy in NO_FAULT.items()}


def _by_pair(links: Links) -> dict[str, Link]:
    return {pair: link_of(links, pair) for pair in PAIRS}


def _faulty(links: Links) -> dict[str, Link]:
    return {pair: link for pair, link in links.items() if link != NO_FAULT}


def way(links: Links) -> str:
    """What is done to traffic between the sites, in one sentence; empty where that is nothing."""
    faulty = _faulty(_by_pair(links))
    return "; ".join(f"{pair}: {sentence(link)}" for pair, link in faulty.items())


def sentence(link: Link) -> str:
    """What is asked of a link, in words."""
    if link["cut"]:
        return "cut"
    faults = [f"{link['delay_ms']:g} ms each way"] if link["delay_ms"] else []
    faults += [f"{link['loss']:g} % loss each way"] if link["loss"] else []
    return ", ".join(faults) or "healthy"
