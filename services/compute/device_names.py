"""What disks are called inside a server: `/dev/vda` is the first one, `/dev/vdb` the next. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from string import ascii_lowercase

PREFIX = "/dev/vd"
ROOT = f"{PREFIX}a"
#: As many disks as there are letters, the root disk included (Nova's limit of the libvirt driver's bus).
MOST = len(ascii_lowercase)

_NAME = re.compile(r"^(?:/dev/)?(?:x?[a-z]d)([a-z]+)[0-9]*$")


class InvalidName(Exception):
    """Not the name of a disk."""


class NoNameLeft(Exception):
    """The server has as many disks as it can have."""


def letter_of(name: str) -> str:
    """What tells one disk from another: `b` of `/dev/vdb`, `sdb` and `/dev/xvdb1` alike. Raises InvalidName."""
    match = _NAME.match(name)
    if match is None:
        raise InvalidName(name)
    return match[1]


def normal(name: str) -> str:
    """The whole path, as clients also leave it away. Raises InvalidName."""
    letter_of(name)
    return name if name.startswith("/dev/") else f"/dev/{name}"


def is_free(name: str, used: Collection[str]) -> bool:
    """Whether no disk of those in use has this letter. Raises InvalidName."""
    return letter_of(name) not in {letter_of(other) for other in used}


def next_free(used: Collection[str]) -> str:
    """The next name after the root disk's that no disk has. Raises NoNameLeft."""
    taken = {letter_of(name) for name in used}
    for letter in ascii_lowercase[1:]:
        if letter not in taken:
            return PREFIX + letter
    raise NoNameLeft
