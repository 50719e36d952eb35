"""Meters that see the cloud as the world does: from the client container, by the announced address and by name."""

from __future__ import annotations

import subprocess
import threading
from types import TracebackType
from typing import Self

from lab.paths import ROOT
from lab.topology import OUTSIDE, SITES, Topology, parts_with_role
from tests.lab.probe import Meter
from tests.lab.record import ANYCAST, DNS

PROGRAM = ROOT / "lab" / "watch" / "world_probe.py"
NAME = "identity.quorate.test"
METERS = {"anycast": ANYCAST, "DNS": DNS}


class World:
    """Both meters, as long as this is entered."""

    def __init__(self, topology: Topology) -> None:
        self.meters = {way: Meter(name) for way, name in METERS.items()}
        (dns,) = parts_with_role("dns")
        servers = ",".join(topology.at(site).address(dns) for site in SITES if site != OUTSIDE)
        container = topology.at(OUTSIDE).container("client")
        program = ["python3", "-c", PROGRAM.read_text(encoding="utf-8"), topology.anycast, servers, NAME]
        self._command = ["docker", "exec", "--interactive", container, *program]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            way, moment = line.split()
            self.meters[way].successes.append(float(moment))
