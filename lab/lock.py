"""One `up` or `down` at a time in a checkout."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from lab.errors import LabError
from lab.paths import VAR, private_directory


@contextmanager
def only_one() -> Iterator[None]:
    """Hold the checkout's lock, or say that another command does."""
    private_directory(VAR)
    with os.fdopen(os.open(VAR / "lock", os.O_RDWR | os.O_CREAT, 0o600), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError("Another `quorate up` or `down` is at work in this checkout; wait for it.") from error
        yield
