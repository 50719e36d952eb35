"""The faults in force: applied as a whole, shown as they are, undone when their time is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from router import links, rules
from router.kernel import Kernel
from router.lanes import Lanes


class Emulation:
    """One state of all links at a time, and the lasting one that it goes back to when a lease is over.

    Nothing is kept: a router that starts again is healed.
    """

    def __init__(self, legs: rules.Legs, anycast: str, kernel: Kernel, lanes: Lanes) -> None:
        self._legs, self._anycast, self._kernel, self._lanes = legs, anycast, kernel, lanes
        self._links: Mapping[links.Direction, links.Link] = links.HEALTHY
        self._lasting = self._links
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._ends = 0.0
        self._netem = kernel.has_netem
        self._put(links.HEALTHY)

    def apply(self, document: object, seconds: float = 0) -> None:
        """Make the links as the document says, for that long; with no time given, until told otherwise."""
        wanted = links.parse(document)
        with self._lock:
            self._stop_timer()
            self._put(wanted)
            if seconds <= 0:
                self._lasting = wanted
            else:
                self._ends = time.monotonic() + seconds
                self._timer = threading.Timer(seconds, self._expire)
                self._timer.daemon = True
                self._timer.start()

    def _expire(self) -> None:
        with self._lock:
            if self._timer is threading.current_thread():
                self._stop_timer()
                self._put(self._lasting)
                print("wan: the time of the faults is over", flush=True)

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer, self._ends = None, 0.0

    def _put(self, wanted: Mapping[links.Direction, links.Link]) -> None:
        """Packets meet either the old state or the new: the table of drops is replaced in one step."""
        self._lanes.set(wanted)
        self._kernel.load(rules.firewall(self._legs, self._anycast, wanted))
        if self._netem:
            try:
                self._kernel.delay_by(rules.delays(wanted))
            except OSError as error:
                print(f"wan: netem refused ({error}); the TUN device delays instead", flush=True)
                self._netem = False
        self._kernel.route_by(set() if self._netem else rules.policy(self._legs, self._anycast, wanted))
        self._links = wanted

    def show(self) -> dict[str, object]:
        """What is in force and by which mechanism, and what the TUN device did to packets since then."""
        with self._lock:
            delayed = any(link.delay_ms for link in self._links.values())
            delay, loss = ("netem", "iptables") if self._netem else ("tun", "iptables, or tun where delayed")
            lanes = {f"{here}>{there}": lane.counts() for (here, there), lane in self._lanes.lanes.items()}
            return {
                "links": links.document(self._links),
                "lasting": links.document(self._lasting),
                "mechanism": {"delay": delay, "loss": loss},
                "path": ("netem" if self._netem else "tun for delayed links") if delayed else "kernel",
                "seconds_left": round(max(0.0, self._ends - time.monotonic()), 1) if self._timer else None,
                "tun": {name: counts for name, counts in lanes.items() if counts["passed"] or counts["lost"]},
                "note": "faults do not survive a restart of this router",
            }
