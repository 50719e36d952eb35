"""The router's process 1: it stands between the sites until it is told to stop, with BIRD beside it.

Wants SUBNET_ONE, SUBNET_TWO, SUBNET_OUTSIDE (the first three bytes of each site's network) and ANYCAST.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from pathlib import Path
from string import Template

from router import kernel, network
from router.control import Control
from router.emulation import Emulation
from router.lanes import Lanes
from router.relay import Relay, open_tun

SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
BIRD_CONFIGURATION = Path("/run/bird.conf")


def main() -> int:
    """Route until BIRD ends or a stop is asked for."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    threading.excepthook = end_with
    subnets = {site: os.environ[f"SUBNET_{site.upper()}"] for site in ("one", "two", "outside")}
    anycast = os.environ["ANYCAST"]
    legs = network.find_legs(subnets)
    lanes = Lanes(subnets, anycast, random.random)
    tun = open_tun()
    emulation = Emulation(legs, anycast, kernel.Kernel(legs), lanes)
    kernel.prepare(legs.values())
    watch = network.AnycastWatch(anycast, legs, lanes.move_anycast)
    Relay(tun, lanes).start()
    watch.start()
    threading.Thread(target=network.announce, args=(legs,), daemon=True).start()
    Control(lambda request: answer(request, emulation, watch)).start()
    bird = start_bird(subnets, anycast)
    return stand(bird)


def end_with(failure: threading.ExceptHookArgs) -> None:
    """A router that lost one of its threads ends: half a router would be a fault that nobody asked for."""
    print(f"wan: {failure.thread and failure.thread.name} failed: {failure.exc_value!r}", flush=True)
    os._exit(1)


def answer(request: dict[str, object], emulation: Emulation, watch: network.AnycastWatch) -> object:
    """What the control program gets."""
    if request["verb"] == "apply":
        seconds = request.get("seconds", 0)
        assert isinstance(seconds, int | float)
        emulation.apply(request["links"], seconds)
    return emulation.show() | {"anycast": watch.gateway}


def start_bird(subnets: dict[str, str], anycast: str) -> int:
    """Start BIRD with its configuration filled in; returns its process id."""
    template = Template(Path("/etc/wan/bird.conf").read_text())
    BIRD_CONFIGURATION.write_text(template.substitute(subnets, anycast=anycast))
    command = ["bird", "-f", "-c", str(BIRD_CONFIGURATION), "-s", "/run/bird.ctl"]
    return os.posix_spawnp("bird", command, os.environ, setsigmask=())


def stand(bird: int) -> int:
    """Wait for the end; returns the exit status."""
    while signal.sigwaitinfo(SIGNALS).si_signo == signal.SIGCHLD:
        if os.waitpid(bird, os.WNOHANG)[0] == bird:
            print("wan: BIRD ended; stopping", flush=True)
            return 1
    os.kill(bird, signal.SIGKILL)  # neighbours notice by BFD, as if the wire were cut
    return 0


sys.exit(main())
