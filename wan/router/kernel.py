"""Runs iproute2 and iptables; all decisions are in `rules`."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable

from router import rules
from router.links import SITES

TRIAL = "lo"
RESTORE = ("iptables-nft-restore", "iptables-legacy-restore")


class Kernel:
    """The kernel's tables, brought to what is wanted."""

    def __init__(self, legs: rules.Legs) -> None:
        self._legs = legs
        # Old kernels have only the one, new ones only the other.
        self._restore = next(name for name in RESTORE if succeeds([name], "*filter\nCOMMIT\n"))
        self._policy: set[str] = set()
        self._delays: rules.Delays = {}
        self._forget_delays()
        self.has_netem = self._tries_netem()

    def _tries_netem(self) -> bool:
        """Whether all works that a delay by netem needs: some kernels have it, and not what leads packets there."""
        trial = f"{rules.bands_of(TRIAL)}\n{rules.delay_of(TRIAL, SITES[0], 1)}\n"
        works = succeeds(["tc", "-batch", "-"], trial) and succeeds([self._restore], rules.classes(self._legs))
        succeeds(["tc", "qdisc", "del", "dev", TRIAL, "root"])
        return works

    def load(self, table: str) -> None:
        """Replace one table of the firewall at once."""
        run([self._restore], table)

    def route_by(self, policy: set[str]) -> None:
        """Make the policy rules what they should be."""
        changes = rules.policy_changes(self._policy, policy)
        if changes:
            run(["ip", "-batch", "-"], changes)
        self._policy = set(policy)

    def delay_by(self, delays: rules.Delays) -> None:
        """Make netem's delays what they should be. Where it cannot be done, there are none."""
        changes = rules.delay_changes(self._legs, self._delays, delays)
        try:
            if changes:
                run(["tc", "-batch", "-"], changes)
        except OSError:
            self._forget_delays()
            raise
        self._delays = dict.fromkeys(self._delays, 0.0) | dict(delays)

    def _forget_delays(self) -> None:
        for leg in self._legs.values():
            succeeds(["tc", "qdisc", "del", "dev", leg.interface, "root"])
        self._delays = {}


def run(command: list[str], standard_input: str = "") -> None:
    """Run a command; what it says on failure becomes the error."""
    done = subprocess.run(command, input=standard_input, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


def succeeds(command: list[str], standard_input: str = "") -> bool:
    """Whether a command works here."""
    try:
        run(command, standard_input)
    except OSError:
        return False
    return True


def prepare(legs: Iterable[rules.Leg]) -> None:
    """Be the gateway (.2) of every site; the router itself has no way out of the lab."""
    succeeds(["ip", "route", "del", "default"])
    for leg in legs:
        run(["ip", "address", "replace", f"{leg.subnet}.2/24", "dev", leg.interface])
    run(["ip", "link", "set", rules.TUN, "up", "txqueuelen", "5000"])
    run(["ip", "route", "replace", "default", "dev", rules.TUN, "table", str(rules.TABLE)])
