"""Loss of power: every container at once, and the way back that a user would take."""

import subprocess
import sys
from pathlib import Path

from lab.names import BREAKABLE
from lab.topology import Part
from tests.lab.trial import Trial

QUORATE = Path(sys.executable).with_name("quorate")
SECONDS = 300


def kill_all(trial: Trial) -> list[Part]:
    """SIGKILL everything that runs."""
    there = trial.region.engine.containers()
    victims = [part for part in BREAKABLE if part.label in there and there[part.label].is_running]
    trial.region.kill_together(victims)
    return victims


def bring_up(trial: Trial) -> None:
    """`quorate up`, as after a loss of power."""
    quorate_up(SECONDS * trial.region.slow)
    trial.notes.append("quorate up")


def quorate_up(seconds: float) -> None:
    """Run the command; an AssertionError with its last lines where it fails."""
    done = subprocess.run([QUORATE, "up"], capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, f"quorate up failed:\n{(done.stdout + done.stderr)[-2000:]}"
