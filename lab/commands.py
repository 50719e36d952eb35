"""Runs other programs: quietly, with a deadline, keeping their last lines for when they fail."""

import os
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from lab.errors import StepFailedError

KEPT_LINES = 25


def found(program: str) -> bool:
    """Whether a program is installed."""
    return shutil.which(program) is not None


def succeeds(arguments: Sequence[str], timeout: float = 10) -> bool:
    """Whether a command ends well within the time."""
    try:
        return subprocess.run(arguments, capture_output=True, timeout=timeout, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def output(arguments: Sequence[str], timeout: float = 30) -> str:
    """What a command prints; an error if it fails."""
    try:
        done = subprocess.run(arguments, capture_output=True, timeout=timeout, check=False, text=True)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StepFailedError(f"`{' '.join(arguments)}` failed: {error}.") from error
    if done.returncode != 0:
        raise StepFailedError(f"`{' '.join(arguments)}` failed (exit code {done.returncode}).", done.stderr.strip())
    return done.stdout


def run(
    arguments: Sequence[str],
    on_line: Callable[[str], None] = lambda line: None,
    timeout: float = 1800,
    extra_environment: Mapping[str, str] | None = None,
) -> None:
    """Run a long command, tell each line that it prints, and fail with its last lines."""
    environment = {**os.environ, **(extra_environment or {})}
    kept: deque[str] = deque(maxlen=KEPT_LINES)
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
        )
    except OSError as error:
        raise StepFailedError(f"{arguments[0]} can't be run: {error.strerror}.") from error
    with process:
        alarm = threading.Timer(timeout, process.kill)
        alarm.start()
        try:
            assert process.stdout is not None
            for raw in process.stdout:
                if line := raw.strip():
                    kept.append(line)
                    on_line(line)
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            timed_out = not alarm.is_alive()
            alarm.cancel()
    if code != 0:
        why = f"was stopped after {timeout:.0f} s" if timed_out else f"failed (exit code {code})"
        raise StepFailedError(f"`{' '.join(arguments[:4])} …` {why}.", "\n".join(kept))
