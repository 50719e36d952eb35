"""The running lab as the tests see it: its parts, what is wrong with them, and waits for what must come back."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from lab import envfile, faults
from lab.containers import LabEngine, open_engine
from lab.look import look_at, running_lab
from lab.names import find_part
from lab.paths import ENV_FILE
from lab.patience import pause_between_looks
from lab.status_model import RegionStatus
from lab.status_model import Verdict as Redundancy
from lab.topology import ONE, TWO, Part, Topology, label, parts_with_role
from tests.lab.client import Client, Login

POLL = 0.1
LOOK = 0.5  # at least, between looks at everything: each costs a sixth of a second of a processor
MOST = 2.0  # times as long as on a quiet machine: whatever needs more hangs


class Region:
    """One region of the lab."""

    def __init__(self, engine: LabEngine, topology: Topology, database_proxy: str, slow: float) -> None:
        self.engine, self.topology, self.database_proxy, self.slow = engine, topology, database_proxy, slow
        secrets = envfile.read(ENV_FILE)
        self.urls = topology.urls
        self.admin = Login(self.urls, "admin", secrets["ADMIN_PASSWORD"], "admin")

    def part(self, name: str) -> Part:
        """A part of this region by its name."""
        return find_part(label(self.topology.site, name))

    @property
    def parts(self) -> list[Part]:
        """All that runs for ever in this region."""
        there = self.engine.containers()
        return [part for part in self.topology.parts if part.role != "bootstrap" and part.label in there]

    def status(self) -> RegionStatus:
        """One look at everything."""
        return look_at(self.topology.site)

    def wait_redundant(self, seconds: float) -> float:
        """Wait until every part works again, with all copies and one owner of the address; how long that took."""
        began = looked_at = time.monotonic()
        most = seconds * min(self.slow, MOST)
        while (seen := self.status()).verdict is not Redundancy.REDUNDANT:
            now = time.monotonic()
            if now - began > most:
                lacking = ", ".join(f"{part.name} ({part.container}: {part.says})" for part in seen.unwell)
                raise TimeoutError(f"no full redundancy after {most:.0f} s: {seen.sentence} {lacking}")
            time.sleep(max(LOOK, pause_between_looks(len(seen.unwell)), now - looked_at))
            looked_at = time.monotonic()
        return time.monotonic() - began

    def heal(self) -> list[str]:
        """Undo every fault; says what was undone."""
        said: list[str] = []
        faults.heal(self.engine, self.topology, said.append)
        return said

    def active_balancer(self) -> Part:
        """The load balancer that holds the address."""
        return self.part(self._known(lambda: self.status().address_holder, "an owner of the address"))

    def writer(self) -> Part:
        """The database node that takes the writes."""
        return self.part(self._known(lambda: self.status().writer, "a Galera writer"))

    def queue_leader(self, queue: str) -> Part:
        """The RabbitMQ node that leads a queue."""
        return self.part(self._known(lambda: self.status().queue_leaders.get(queue), f"a leader of queue {queue}"))

    def _known(self, find: Callable[[], str | None], what: str) -> str:
        found: list[str] = []

        def missing() -> str:
            found[:] = [name for name in (find(),) if name]
            return "" if found else what

        until(missing, 20 * self.slow, what)
        return found[0]

    def kill_together(self, parts: Iterable[Part]) -> None:
        """SIGKILL several parts at once."""
        faults.kill_together(self.engine, list(parts))

    def one_of_everything(self) -> list[Part]:
        """The active one of each pair or three, where one is active; else the first."""
        status = self.status()
        leading = {status.address_holder, status.writer, status.queue_leaders.get("conductor")}
        roles = [role.role for role in status.roles if role.role != "edge"]
        return [
            next((part for part in parts_with_role(role) if part.name in leading), parts_with_role(role)[0])
            for role in roles
        ]

    def lose(self) -> list[Part]:
        """SIGKILL all of the region's processes in one instant, as a loss of its power would."""
        victims = self.parts
        faults.kill_together(self.engine, victims)
        return victims

    def client(self) -> Client:
        """The administrator's client, with a token."""
        client = Client(self.admin)
        client.log_in()
        return client


def until(lacking: Callable[[], str], seconds: float, what: str) -> None:
    """Return when nothing lacks; raise TimeoutError with what still does."""
    give_up = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        if not (missing := lacking()):
            return
        if time.monotonic() > give_up:
            raise TimeoutError(f"no {what} after {seconds:.0f} s: {missing}")
        # Half of the time at most is spent looking: what comes back needs the processors, too.
        time.sleep(max(POLL, time.monotonic() - began))


@contextmanager
def open_region(slow: float, site: str = ONE) -> Iterator[Region]:
    """One region of the lab of this checkout, as it runs."""
    state = running_lab()
    with open_engine(state.lab) as engine:
        yield Region(engine, state.topology.at(site), state.database_proxy, slow)


@contextmanager
def open_regions(slow: float) -> Iterator[tuple[Region, Region]]:
    """Both regions."""
    with open_region(slow, ONE) as one, open_region(slow, TWO) as two:
        yield one, two
