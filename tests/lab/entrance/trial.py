"""Measures the global entrance alone: real load balancers, name servers and router, services that only answer.

Usage:
    python tests/lab/entrance/trial.py LAB [RUNS] [FAULT...]

The lab's containers must be up (region.yaml for each region, compose/outside.yaml). Faults hit region one.
"""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import docker

SOURCE = (Path(__file__).parent / "poll.py").read_text()
SECONDS = 8.0
SLOW = ("slow 80 ms", "lossy 5 %")
REGION = ("lb1", "lb2", "services", "dns")


class Trial:
    """The lab's containers, and one client that asks in three ways at once."""

    def __init__(self, lab: str) -> None:
        self.lab, self.engine = lab, docker.from_env()
        client = self.container("outside-client")
        settings = dict(entry.split("=", 1) for entry in client.attrs["Config"]["Env"])
        self.anycast, self.servers = settings["ANYCAST"], settings["NAMESERVERS"].split()

    def container(self, name: str):
        return self.engine.containers.get(f"{self.lab}-{name}")

    def poll(self, *arguments: str) -> list[tuple[float, str]]:
        client = self.container("outside-client")
        code, output = client.exec_run(["python3", "-c", SOURCE, *arguments])
        assert code == 0, output.decode()
        return json.loads(output)

    def measure(self, fault: Callable[[], None], patience: str) -> dict[str, object]:
        """Gaps of the clients during a fault, and when each name server changed its answer."""
        name, results = "identity.quorate.test", {}
        ways = {
            "anycast": ("anycast", str(SECONDS), patience, self.anycast),
            "dns": ("dns", str(SECONDS), patience, name, *self.servers),
            "records": ("records", str(SECONDS), patience, name, *self.servers),
        }
        threads = [
            threading.Thread(target=lambda way=way: results.update({way: self.poll(*ways[way])})) for way in ways
        ]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        began = time.monotonic()
        fault()
        ended = time.monotonic()
        for thread in threads:
            thread.join()
        changed = {text: round(when - began, 2) for when, text in results["records"] if when > began}
        return {
            "fault took": round(ended - began, 2),
            "anycast gap": longest_gap(results["anycast"]),
            "dns gap": longest_gap(results["dns"]),
            "records changed after": changed,
            "load": os.getloadavg()[0],
        }

    def each(self, names: tuple[str, ...], verb: str) -> None:
        """Do something to several containers at once."""
        containers = [self.container(f"one-{name}") for name in names]
        threads = [threading.Thread(target=insist, args=(getattr(container, verb),)) for container in containers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def wan(self, links: str) -> None:
        self.container("outside-wan").exec_run(["wan", "apply", links])

    def whole(self) -> None:
        """Mend everything and wait until region one serves again."""
        for name in REGION:
            container = self.container(f"one-{name}")
            if container.status == "paused":
                container.unpause()
            elif container.status != "running":
                container.start()
        self.wan("{}")
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            answers = self.poll("anycast", "1", "1", self.anycast)
            if {site for _, site in answers} == {"one", "end"}:
                break
        time.sleep(2)


def insist(act: Callable[[], object]) -> None:
    """The engine gives up early on freezing processes that are busy."""
    for left in reversed(range(5)):
        try:
            act()
            return
        except docker.errors.APIError:
            if not left:
                raise


def longest_gap(answers: list[tuple[float, str]]) -> float:
    times = [when for when, _ in answers]
    return round(max(after - before for before, after in pairwise(times)), 3)


def main() -> None:
    lab, *rest = sys.argv[1:]
    trial = Trial(lab)
    faults: dict[str, Callable[[], None]] = {
        "kill region": lambda: trial.each(REGION, "kill"),
        "pause region": lambda: trial.each(REGION, "pause"),
        "kill services": lambda: trial.each(("services",), "kill"),
        "pause services": lambda: trial.each(("services",), "pause"),
        "kill lb1": lambda: trial.each(("lb1",), "kill"),
        "pause lb1": lambda: trial.each(("lb1",), "pause"),
        "stop lb1": lambda: trial.each(("lb1",), "stop"),
        "cut one": lambda: trial.wan('{"one": {"cut": true}}'),
        "slow 80 ms": lambda: trial.wan('{"one": {"delay_ms": 80}}'),
        "lossy 5 %": lambda: trial.wan('{"one": {"loss": 5}, "two-outside": {"loss": 5}}'),
    }
    runs = int(rest[0]) if rest else 1
    for name in rest[1:] or faults:
        for _ in range(runs):
            trial.whole()
            print(name, json.dumps(trial.measure(faults[name], "1" if name in SLOW else "0.1")), flush=True)
    trial.whole()


if __name__ == "__main__":
    main()
