"""The arbitrator at the third site: garbd, started again whenever it ends or stays outside the cluster.

It keeps no data and remembers nothing. It joins only a cluster that is there: nodes that continue an old view together
do so only if nobody else is among them. Its state port tells what it sees, in the form of a node's line with ordinal 0,
whose members are the nodes that it hears in step: regions that do not hear each other go by what it says
(`precedence`).
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from galera import port, presence
from galera.earshot import AnswerPort, Earshot
from galera.precedence import in_step, standing_back
from galera.provider import arbitrator_options, written
from galera.records import LOST, NO_VIEW, STARTING, UP, Node, joined
from galera.settings import read_places

AGAIN = 0.5
"""Seconds between two looks for a cluster."""

PATIENCE = 20.0
"""Seconds outside the primary component after which garbd is started anew. Links that heal bring it back by itself."""

ADMISSION = 30.0
"""Seconds that a fresh garbd may look for the cluster; it gives up by itself after about as long."""

FAREWELL = 5.0
SIGNALS = {signal.SIGTERM, signal.SIGINT}


class Settings(NamedTuple):
    """Which cluster it serves, and its own segment."""

    addresses: dict[int, str]
    cluster: str
    segment: int


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from variables; exits with all that is missing."""
    missing = [name for name in ("DB_SUBNETS", "DB_CLUSTER") if not environment.get(name)]
    if missing:
        raise SystemExit(f"not set: {' '.join(missing)}")
    places = read_places(environment)
    segment = 1 + max(segment for _, segment in places.values())
    addresses = {ordinal: address for ordinal, (address, _) in places.items()}
    return Settings(addresses, environment["DB_CLUSTER"], segment)


def command(settings: Settings) -> list[str]:
    """garbd's command line."""
    return [
        "garbd",
        f"--address=gcomm://{','.join(settings.addresses.values())}",
        f"--group={settings.cluster}",
        "--name=arbitrator",
        f"--options={written(arbitrator_options(settings.segment))}",
    ]


def component(line: str) -> tuple[bool, int] | None:
    """Whether the component that a line of garbd's log announces is primary, and its size; None for any other line."""
    found = re.search(r"New COMPONENT: primary = (yes|no), .*memb_num = (\d+)", line)
    return (found[1] == "yes", int(found[2])) if found else None


class Membership:
    """What garbd said last, and since when. Written by the thread that reads its log."""

    def __init__(self, now: float) -> None:
        self.phase, self.size = STARTING, 0
        self._changed = now

    def hear(self, line: str, now: float) -> None:
        """One line of the log."""
        if (news := component(line)) is not None:
            primary, self.size = news
            phase = UP if primary else LOST
            if phase != self.phase:
                self.phase, self._changed = phase, now

    def overdue(self, now: float) -> bool:
        """Whether garbd has been outside the primary component for too long."""
        limit = {STARTING: ADMISSION, LOST: PATIENCE}.get(self.phase, float("inf"))
        return now - self._changed > limit


class Garbd:
    """One life of garbd."""

    def __init__(self, line: list[str]) -> None:
        reading, writing = os.pipe()
        actions = [(os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_DUP2, writing, 2)]
        # The signals that this process holds back are its own affair.
        self.pid = os.posix_spawnp(line[0], line, os.environ, file_actions=actions, setsigmask=())
        os.close(writing)
        self.membership = Membership(time.monotonic())
        threading.Thread(target=self._listen, args=(reading,), daemon=True).start()

    def _listen(self, reading: int) -> None:
        with open(reading, encoding="utf-8", errors="replace") as log:
            for line in log:
                print(line, end="", flush=True)
                self.membership.hear(line, time.monotonic())

    def ended(self) -> bool:
        """Whether it is gone; to be asked until it is."""
        pid, _ = os.waitpid(self.pid, os.WNOHANG)
        return pid != 0

    def end(self) -> None:
        """Ask it to leave, and make sure that it does."""
        os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + FAREWELL
        while not self.ended():
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.05)


class Arbitrator:
    """Runs garbd for ever. `line` is called from the state port's thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._garbd: Garbd | None = None
        self._in_step = self._back = NO_VIEW

    def line(self) -> str:
        """What it says about itself now."""
        garbd = self._garbd
        phase = garbd.membership.phase if garbd else STARTING
        return Node(0, phase=phase, members=self._in_step, back=self._back).line()

    def hear(self, heard: Mapping[int, Node], now: float) -> None:
        """Take in who has answered of late."""
        self._in_step, self._back = joined(in_step(heard)), joined(standing_back(heard))

    def run(self) -> None:
        """Start garbd again and again until asked to stop."""
        say("waiting for a node that is in step")
        while not signal.sigtimedwait(SIGNALS, AGAIN):
            if self._in_step == NO_VIEW:
                continue
            garbd = self._garbd = Garbd(command(self._settings))
            if self._watch(garbd):
                return
            self._garbd = None

    def _watch(self, garbd: Garbd) -> bool:
        """Wait until garbd has ended or is given up (False), or a stop is asked for (True)."""
        while not garbd.ended():
            asked = signal.sigtimedwait(SIGNALS, 0.2) is not None
            if asked or garbd.membership.overdue(time.monotonic()):
                say("stopping" if asked else "garbd stays outside the cluster; starting it again")
                garbd.end()
                return asked
        say("garbd ended; starting it again")
        return False


def say(sentence: str) -> None:
    """One line in the container's log."""
    print(f"arbitrator: {sentence}", flush=True)


def main() -> None:
    """Run the arbitrator of this container."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    settings = read_settings(os.environ)
    arbitrator = Arbitrator(settings)
    port.StatePort(arbitrator.line).start()
    AnswerPort(arbitrator.line).start()
    Earshot(settings.addresses, arbitrator.hear).start()
    presence.PresencePort().start()
    arbitrator.run()
