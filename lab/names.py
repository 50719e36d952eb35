"""The names that commands take: which exist, what was probably meant, what the shell completes."""

import difflib
from collections.abc import Iterable

from lab.errors import BadNameError
from lab.topology import PARTS, Part

BREAKABLE = tuple(part for part in PARTS if part.role != "bootstrap")


def find_part(name: str, parts: Iterable[Part] = PARTS) -> Part:
    """The part of that name, or an error that suggests what was meant."""
    by_name = {part.name: part for part in parts}
    if name in by_name:
        return by_name[name]
    raise BadNameError(f"There is no {name!r}.{suggestion(name, by_name)}")


def suggestion(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest ones, or all of them."""
    names = list(known)
    wanted = name.lower().rsplit("-one-", 1)[-1]
    near = [candidate for candidate in names if candidate.rstrip("0123456789") == wanted]
    near = near or difflib.get_close_matches(wanted, names, n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else f" Known: {' '.join(names)}."


def completions(typed: str) -> list[str]:
    """What the shell offers for a NAME."""
    return [part.name for part in BREAKABLE if part.name.startswith(typed)]
