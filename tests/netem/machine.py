"""A machine in QEMU, with no network: boots a kernel and a file system, and runs commands in it."""

from __future__ import annotations

import json
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MEMORY = "768"
PATIENCE = 60.0
KERNEL_LINE = "console=ttyS0 loglevel=5 panic=-1 rdinit=/usr/bin/python3 -- -S /guest.py"


class Machine:
    """Its second serial line, over which its process 1 (`guest.py`) takes commands, one after the other."""

    def __init__(self, line: socket.socket, console: Path, slow: float) -> None:
        self._line, self._console, self._patience = line, console, PATIENCE * slow
        self._lock = threading.Lock()
        self._rest = b""

    def run(self, command: list[str], namespace: str = "") -> tuple[int, str]:
        """A command's exit code and what it said."""
        with self._lock:
            self._line.sendall(json.dumps({"run": command, "in": namespace}).encode() + b"\n")
            answer = self.read()
        return answer["code"], answer["output"]

    def must(self, command: list[str], namespace: str = "") -> str:
        """The same, of a command that has to end well."""
        code, said = self.run(command, namespace)
        assert code == 0, f"{command} in {namespace or 'the machine'}: {said}"
        return said

    def read(self) -> dict[str, Any]:
        """The next line that it sends."""
        deadline = time.monotonic() + self._patience
        while b"\n" not in self._rest:
            left = max(0.0, deadline - time.monotonic())
            part = self._line.recv(65536) if select.select([self._line], [], [], left)[0] else b""
            assert part, f"the machine said no more:\n{self._console.read_text(errors='replace')[-3000:]}"
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def booted(kernel: Path, root: Path, folder: Path, slow: float) -> Iterator[Machine]:
    """A machine that is ready; it ends with the block."""
    ours, its = socket.socketpair()
    console = folder / "console.log"
    command = [
        "qemu-system-x86_64", "-machine", "pc,accel=tcg", "-cpu", "qemu64,+rdrand", "-smp", "1", "-m", MEMORY,
        "-nic", "none", "-nodefaults", "-display", "none", "-no-reboot",
        "-kernel", str(kernel), "-initrd", str(root), "-append", KERNEL_LINE, "-serial", f"file:{console}",
        "-chardev", f"socket,id=line,fd={its.fileno()}", "-serial", "chardev:line",
    ]  # fmt: skip
    with ours, its, subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[its.fileno()]) as process:
        its.close()
        try:
            machine = Machine(ours, console, slow)
            machine.read()
            yield machine
        finally:
            process.kill()
