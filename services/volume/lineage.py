"""How far a clone may be from data of its own. Pure."""

from __future__ import annotations

from typing import Final

#: A read that finds nothing in a clone asks its parent, and so on; more than so many parents are too slow.
DEEPEST: Final = 5


def must_flatten(depth: int) -> bool:
    """Whether a new clone that reads through `depth` parents is to get its own data before anybody uses it."""
    return depth > DEEPEST
