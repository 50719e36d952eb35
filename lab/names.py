"""The names that commands take: which exist, what was probably meant, what the shell completes."""

import difflib
from collections.abc import Container, Iterable

from lab.errors import BadNameError
from lab.topology import ONE, SITES, TWO, Part, all_parts

REGION_PREFIX = "region-"
KNOWN = all_parts(regions=2)
BREAKABLE = tuple(part for part in KNOWN if part.role != "bootstrap")


def find_part(name: str, parts: Iterable[Part] = KNOWN) -> Part:
    """The part of that name (`lb1` is the first region's, `two/lb1` the second's), or an error that suggests one."""
    by_label = {part.label: part for part in parts}
    found = by_label.get(name.removeprefix(f"{ONE}/"))
    if found is None:
        raise BadNameError(f"There is no {name!r}.{suggestion(name, by_label)}")
    return found


def find_parts(names: Iterable[str], there: Container[str]) -> list[Part]:
    """The breakable parts of these names, each once. `region-one` stands for all of that region that `there` (the
    labels of what the lab has) holds."""
    found: dict[str, Part] = {}
    for name in names:
        site = name.removeprefix(REGION_PREFIX)
        whole = name.startswith(REGION_PREFIX) and site in SITES
        parts = [each for each in BREAKABLE if each.site == site] if whole else [find_part(name, BREAKABLE)]
        found |= {part.label: part for part in parts if not whole or part.label in there}
    return list(found.values())


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest ones, or all of them."""
    names = list(known)
    wanted = _as_label(name.lower())
    near = [candidate for candidate in names if candidate.rstrip("0123456789") == wanted]
    near = near or difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    if near:
        return f" Did you mean {' or '.join(near)}?"
    first = [candidate for candidate in names if "/" not in candidate]
    return f" Known: {' '.join(first)}; with two/ before them, the second region's."


def completions(typed: str) -> list[str]:
    """What the shell offers for a NAME."""
    regions = [f"{REGION_PREFIX}{site}" for site in (ONE, TWO)]
    return [name for name in (*(part.label for part in BREAKABLE), *regions) if name.startswith(typed)]


def _as_label(name: str) -> str:
    """A container's name as a part's label; other names as they are."""
    for site in SITES:
        head, found, tail = name.partition(f"-{site}-")
        if head and found:
            return f"{site}/{tail}".removeprefix(f"{ONE}/")
    return name
