"""The lane of the announced address: a client at the third site asks by it, because from here no way leads there."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.registers import Outcome
from lab.topology import OUTSIDE, SITES, Topology, parts_with_role
from lab.watch.lanes import Lane
from lab.watch.recorder import Recorder
from lab.watch.run import Operation

PROGRAM = Path(__file__).with_name("world_probe.py")
LANE = Lane("anycast", 0, 0.4, lambda _: (Outcome.OK, ""))  # its operations come by themselves


class World:
    """The program in the client's container, as long as this is entered. Containers share the machine's clock."""

    def __init__(self, topology: Topology, hear: Callable[[str, float], None]) -> None:
        """`hear` is told of each success: by which way (`anycast`, `DNS`), and when (monotonic seconds)."""
        (dns,) = parts_with_role("dns")
        servers = ",".join(topology.at(site).address(dns) for site in SITES if site != OUTSIDE)
        container = topology.at(OUTSIDE).container("client")
        program = [
            "python3",
            "-c",
            PROGRAM.read_text(encoding="utf-8"),
            topology.anycast,
            servers,
            "identity.quorate.test",
        ]
        self._command = ["docker", "exec", "--interactive", container, *program]
        self._hear = hear

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        self._reader.join(5)
        self._process.stdout.close()

    def every(self, seconds: float) -> None:
        """Let it pause for so long between two questions from now on."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # its container is gone, and so are its answers
            self._process.stdin.write(f"{seconds}\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            way, moment = line.split()
            self._hear(way, float(moment))


class Anycast:
    """Hears the program for the lane of a recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def hear(self, way: str, moment: float) -> None:
        """One success."""
        at = moment - self._recorder.began
        if way == LANE.name and at >= 0:
            self._recorder.add(Operation(LANE.name, at, at, Outcome.OK))
