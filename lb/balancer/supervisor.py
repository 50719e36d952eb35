"""Process 1: starts the container's processes; when one ends, the others end too.

Should HAProxy die, keepalived is told to stop in the same instant: its farewell hands the address to the other one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from string import Template

RUN = Path("/run/balancer")
VRRP_FILE = RUN / "keepalived.conf"
CONFIGURATION = Path("/etc/balancer")
PATIENCE = 2.0
AUTONOMOUS_SYSTEMS = {"one": 65001, "two": 65002}
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
GET_INTERFACE_ADDRESS = 0x8915  # SIOCGIFADDR


def haproxy(configuration: str) -> list[str]:
    """HAProxy's command line."""
    return ["haproxy", "-db", "-f", str(CONFIGURATION / configuration)]


def keepalived(environment: Mapping[str, str]) -> list[str]:
    """keepalived's command line; writes its configuration. Wants what `vrrp_text` wants.

    Raises SystemExit where the machine does not have its address.
    """
    interface = interface_of(own_address(environment))
    if interface is None:
        raise SystemExit(f"no interface has {own_address(environment)}")
    VRRP_FILE.write_text(vrrp_text(environment, interface))
    pids = [f"--{name}=/run/keepalived/{name}" for name in ("pid", "vrrp_pid")]
    return ["keepalived", "--dont-fork", "--log-console", "--vrrp", "-f", str(VRRP_FILE), *pids]


def own_address(environment: Mapping[str, str]) -> str:
    """This machine's own address in the region's network."""
    return f"{environment['SUBNET']}.{environment['VRRP_SELF']}"


def vrrp_text(environment: Mapping[str, str], interface: str) -> str:
    """keepalived's configuration. Wants NAME, SUBNET, VRRP_SELF, VRRP_PEER and VRRP_PRIORITY."""
    subnet = environment["SUBNET"]
    return Template((CONFIGURATION / "keepalived.conf").read_text()).substitute(
        name=environment["NAME"],
        subnet=subnet,
        address=own_address(environment),
        peer=f"{subnet}.{environment['VRRP_PEER']}",
        priority=environment["VRRP_PRIORITY"],
        interface=interface,
        anycast=anycast_block(environment.get("ANYCAST", "")),
    )


def anycast_block(anycast: str) -> str:
    """keepalived's part about the address that both regions share: this machine has it, wherever the packets come."""
    return f"static_ipaddress {{\n    {anycast}/32 dev lo scope global\n}}\n" if anycast else ""


def bird(environment: Mapping[str, str]) -> list[str]:
    """BIRD's command line; writes its configuration. Wants SITE, SUBNET, VRRP_SELF and ANYCAST."""
    subnet = environment["SUBNET"]
    text = Template((CONFIGURATION / "bird.conf").read_text()).substitute(
        address=f"{subnet}.{environment['VRRP_SELF']}",
        gateway=f"{subnet}.2",
        system=AUTONOMOUS_SYSTEMS[environment["SITE"]],
        anycast=environment["ANYCAST"],
    )
    (RUN / "bird.conf").write_text(text)
    return ["bird", "-f", "-c", str(RUN / "bird.conf"), "-s", str(RUN / "bird.ctl")]


def interface_of(address: str) -> str | None:
    """The interface that has the address, if any: a load balancer may stand in several networks."""
    wanted = socket.inet_aton(address)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with contextlib.suppress(OSError):
                answer = fcntl.ioctl(asking.fileno(), GET_INTERFACE_ADDRESS, struct.pack("256s", name.encode()))
                if answer[20:24] == wanted:
                    return name
    return None


def hold_signals() -> None:
    """Keep signals for `run`; called before any thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def run(commands: list[list[str]], farewell: Callable[[], None]) -> int:
    """Run the commands until one ends or a stop is asked for; returns the exit status.

    `farewell` is called before a stop that was asked for, while all still runs.
    """
    pids = {os.posix_spawnp(command[0], command, os.environ, setsigmask=()): command[0] for command in commands}
    while signal.sigwaitinfo(SIGNALS).si_signo == signal.SIGCHLD:
        ended = collect(pids)
        if ended:
            print(f"balancer: {', '.join(ended)} ended; stopping", flush=True)
            finish(pids)
            return 1
    with contextlib.suppress(OSError):
        farewell()
    finish(pids)
    return 0


def finish(pids: dict[int, str]) -> None:
    """The addresses go first, then HAProxy finishes its requests, then nothing is left."""
    for name, number in (("bird", signal.SIGTERM), ("keepalived", signal.SIGTERM), ("haproxy", signal.SIGUSR1)):
        for pid in [pid for pid, running in pids.items() if running == name]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    deadline = time.monotonic() + PATIENCE
    while pids and time.monotonic() < deadline:
        signal.sigtimedwait(SIGNALS, 0.1)
        collect(pids)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def collect(pids: dict[int, str]) -> list[str]:
    """Names of the processes that ended since the last call."""
    ended = []
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            if pid in pids:
                ended.append(pids.pop(pid))
    return ended
