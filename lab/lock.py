"""One `up` or `down` at a time in a checkout; one change of what is broken at a time."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import LabError
from lab.paths import VAR, private_directory

AGAIN = 0.05


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


@contextmanager
def in_turn(path: Path, patience: float, busy: str) -> Iterator[None]:
    """Hold a lock, having waited so many seconds for it at most. Raises LabError, which says what `busy` says."""
    give_up = time.monotonic() + patience
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > give_up:
                    raise LabError(busy) from error
                time.sleep(AGAIN)
        yield
