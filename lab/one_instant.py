"""Kills many containers in one instant, and lets the engine learn of it little by little.

Each container's first process is ours to signal where we are root on the engine's machine; it takes the container with
it. The engine hears of a death from the container's shim, its parent process, and an engine that hears of a whole
region's death at once spends seconds of all processors on it, and loses count of the networks' ends (Docker 20.10). So
the shims stand still meanwhile, and go on in pairs. Whatever becomes of us, they all go on after a while.
"""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from docker.models.containers import Container

SHIM = "containerd-shim"
AT_ONCE = 2
#: Seconds after which the shims go on by themselves.
LEASE = 30
NOTICED = 20


def first_processes(containers: Iterable[Container]) -> dict[int, Container] | None:
    """The process that the engine started in each of these containers; None unless all are ours to signal."""
    found = {int(container.attrs["State"]["Pid"]): container for container in containers}
    ours = os.geteuid() == 0 and all(_is_first_process(pid, str(one.id)) for pid, one in found.items())
    return found if ours else None


def kill(processes: Mapping[int, Container]) -> None:
    """SIGKILL all of these at once; returns when the engine has noticed."""
    shims = {pid: shim for pid in processes if (shim := _shim_of(pid)) is not None}
    lease = _go_on_later(shims.values())
    try:
        for shim in shims.values():
            _signal(shim, signal.SIGSTOP)
        for pid in processes:
            _signal(pid, signal.SIGKILL)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda pid: _let_notice(shims.get(pid), processes[pid]), processes))
    finally:
        for shim in shims.values():
            _signal(shim, signal.SIGCONT)
        os.killpg(lease.pid, signal.SIGKILL)
        lease.wait()


def _let_notice(shim: int | None, container: Container) -> None:
    if shim is not None:
        _signal(shim, signal.SIGCONT)
    container.wait(timeout=NOTICED)


def _go_on_later(shims: Iterable[int]) -> subprocess.Popen[bytes]:
    """The lease: a process of its own that outlives us where we are killed."""
    words = " ".join(str(shim) for shim in shims)
    return subprocess.Popen(
        ["sh", "-c", f"sleep {LEASE}; kill -CONT {words} 2>&-"],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _shim_of(pid: int) -> int | None:
    """The parent of a container's first process, where that is its shim."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        parent = int(next(line.split()[1] for line in lines if line.startswith("PPid:")))
        name = Path(f"/proc/{parent}/comm").read_text(encoding="utf-8")
    except (OSError, StopIteration):
        return None
    return parent if name.startswith(SHIM) else None


def _is_first_process(pid: int, container: str) -> bool:
    """Whether a process of this machine is the one that the engine started in a container."""
    try:
        return pid > 1 and container in Path(f"/proc/{pid}/cgroup").read_text(encoding="ascii")
    except OSError:
        return False
