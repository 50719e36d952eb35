"""Server-sent events: what changed, as named pieces of the page. Pure."""

from __future__ import annotations

from collections.abc import Mapping

BEAT = ": still here\n\n"


def frame(name: str, text: str) -> str:
    """One event. A newline in the text is one in what the browser gets."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "".join([f"event: {name}\n", *(f"data: {line}\n" for line in lines), "\n"])


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    """The events that bring a page from one state to another."""
    return "".join(frame(name, text) for name, text in after.items() if before.get(name) != text)
