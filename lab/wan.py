"""The network between the sites: asks its router for faults, and measures from end to end what is in force."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import APIError
from docker.models.containers import Container

from lab import wan_wish
from lab.containers import LAB_LABEL, NAME_LABEL, LabEngine
from lab.errors import LabError, NotRunningError
from lab.wan_wish import PAIRS, Link, Links, link_of, sentence

SITE_LABEL, ROLE_LABEL = "quorate.site", "quorate.role"
ECHO = Path(__file__).with_name("echo.py")
ECHOES, PAUSE, PATIENCE = 200, 0.005, 0.5
ENDS = {"one": "lb", "two": "lb", "outside": "client"}


@dataclass(frozen=True)
class Measured:
    """Echoes between two sites, there and back; times in milliseconds."""

    sent: int
    returned: int
    shortest: float = 0.0
    median: float = 0.0
    longest: float = 0.0

    @classmethod
    def parse(cls, line: str) -> "Measured":
        """Out of what `echo` prints."""
        sent, returned, *times = line.split()
        return cls(int(sent), int(returned), *(float(time) for time in times))

    def sentence(self) -> str:
        """In words."""
        lost = 100 * (self.sent - self.returned) / self.sent
        if not self.returned:
            return f"nothing gets through (none of {self.sent} echoes returned)"
        spread = f"{self.shortest:.1f} to {self.longest:.1f}"
        return f"round trip {self.median:.1f} ms ({spread}), {lost:.1f} % of echoes lost"


@dataclass(frozen=True)
class PairReport:
    """One pair of sites: what is asked for, and what was found."""

    pair: str
    link: Link
    measured: Measured | None

    def sentence(self) -> str:
        """One line for the user."""
        found = self.measured.sentence() if self.measured else "not measured: nothing runs there that could"
        return f"{self.pair:12} {sentence(self.link):34} {found}"


class Wan:
    """The router of one lab, and the ends that measure."""

    def __init__(self, engine: LabEngine) -> None:
        self._engine = engine

    def show(self) -> dict[str, Any]:
        """What the router says is in force."""
        return self._ask("show")

    def apply(self, links: Links, seconds: float = 0) -> dict[str, Any]:
        """Make these the faults, all of them at once; they undo themselves after `seconds`, if any."""
        return self._ask("apply", json.dumps(links), *([f"{seconds:g}"] if seconds else []))

    def measure(self, links: Links) -> list[PairReport]:
        """Echoes between each two sites, at the same time."""
        with ThreadPoolExecutor(max_workers=len(PAIRS)) as pool:
            return list(pool.map(lambda pair: self._measure(pair, link_of(links, pair)), PAIRS))

    def _measure(self, pair: str, link: Link) -> PairReport:
        source, target = (self._end(site) for site in pair.split("-"))
        if source is None or target is None:
            return PairReport(pair, link, None)
        patience = PATIENCE + 2 * float(link["delay_ms"]) / 1000
        command = ["python3", "-S", "-c", ECHO.read_text(), _address(target), ECHOES, PAUSE, patience]
        code, output = _run(source, [str(word) for word in command])
        return PairReport(pair, link, Measured.parse(output) if code == 0 else None)

    def _end(self, site: str) -> Container | None:
        labels = [f"{LAB_LABEL}={self._engine.lab}", f"{SITE_LABEL}={site}", f"{ROLE_LABEL}={ENDS[site]}"]
        running = self._engine.client.containers.list(filters={"label": labels, "status": "running"})
        return min(running, key=lambda container: str(container.name), default=None)

    def _ask(self, *words: str) -> dict[str, Any]:
        try:
            code, output = _run(router(self._engine), ["wan", *words])
        except APIError as error:
            raise LabError(f"The router between the sites can't be asked: {error.explanation}.") from error
        try:
            answer: dict[str, Any] = json.loads(output)
        except ValueError as error:
            raise LabError("The router between the sites does not answer yet.", output) from error
        if code != 0:
            raise LabError(f"The router between the sites refuses: {answer.get('error')}.")
        return answer


def way_in_force(engine: LabEngine) -> str:
    """What is done to traffic between the sites, in one sentence; empty where it is nothing, or not known."""
    try:
        return wan_wish.way(Wan(engine).show()["links"])
    except LabError:
        return ""


def heal_way(engine: LabEngine) -> str:
    """Undo what is done to it; returns what that was."""
    found = way_in_force(engine)
    if found:
        Wan(engine).apply({})
    return found


def _run(container: Container, command: list[str]) -> tuple[int | None, str]:
    code, output = container.exec_run(command)
    assert isinstance(output, bytes)
    return code, output.decode("utf-8", "replace")


def router(engine: LabEngine) -> Container:
    """The router's container."""
    labels = [f"{LAB_LABEL}={engine.lab}", f"{NAME_LABEL}=wan"]
    running = engine.client.containers.list(filters={"label": labels, "status": "running"})
    if not running:
        raise NotRunningError(f"The lab {engine.lab} has no router between sites that runs: it needs two regions.")
    return running[0]


def _address(container: Container) -> str:
    networks = container.attrs["NetworkSettings"]["Networks"].values()
    return str(next(network["IPAddress"] for network in networks))
