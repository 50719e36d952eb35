"""What went wrong at the lab's boundary, as one sentence for the page."""

from __future__ import annotations

from lab.errors import LabError


def sentence_of(what: str, error: Exception) -> str:
    """What the lab itself says of it, else `what` did not work and the error's first line."""
    if isinstance(error, LabError):
        return error.message
    first = (str(error).splitlines() or [""])[0]
    return f"{what}: {type(error).__name__}{f', {first}' if first else ''}."[:300]
