"""The machine that the numbers come from."""

import os
import platform
from pathlib import Path

from lab.commands import output
from lab.errors import LabError
from lab.look import running_lab


def facts() -> dict[str, str]:
    """Processor, memory, kernel, engine, load, and what stands before the database."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processors": f"{os.cpu_count()} x {_processor()}",
        "memory": f"{memory:.0f} GiB",
        "kernel": platform.release(),
        "Docker": _docker(),
        "load average of the last 15 minutes at the end": f"{os.getloadavg()[2]:.1f}",
        "database proxy": _proxy(),
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _docker() -> str:
    try:
        return output(["docker", "version", "--format", "{{.Server.Version}}"]).strip()
    except LabError:
        return "unknown"


def _proxy() -> str:
    try:
        state = running_lab()
    except LabError:
        return "unknown"
    return f"{state.database_proxy} ({state.database_proxy_reason})" if state.database_proxy_reason else "proxysql"
