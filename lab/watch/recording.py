"""One run, from its preparation to its verdict."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Container, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from datetime import UTC, datetime
from types import FrameType

from rich.console import Console
from rich.live import Live

from lab.containers import open_engine
from lab.errors import NotReadyError
from lab.hosts import Host, read_host
from lab.look import look_at
from lab.registers import Outcome
from lab.settle import known_routes
from lab.slowness import slowness
from lab.state import LabState
from lab.status_model import RegionStatus
from lab.store_address import POOL
from lab.topology import ONE, SITES, TWO, Topology, parts_with_role
from lab.watch import view
from lab.watch.blocks import EMPTY, Blocks
from lab.watch.client import Client, administrator
from lab.watch.evidence import Evidence, judge
from lab.watch.lanes import BLOCK, DATABASE_REGISTER, FIRST, TURN, Steps, lanes
from lab.watch.recorder import Recorder
from lab.watch.run import Judgement, Run, summaries
from lab.watch.story import Story
from lab.watch.tenant import Tenant, insist, make, remove
from lab.watch.world import LANE, Anycast, World
from storage.errors import StorageError

FRAMES, AGAIN, SETTLE = 4, 0.3, 20.0


def record(
    state: LabState,
    topology: Topology,
    limit: float,
    out: Console,
    *,
    is_live: bool,
    only: Container[str] = (),
    beside: Callable[[Recorder], None] = lambda recorder: None,
    after: Callable[[], None] = lambda: None,
    ended: threading.Event | None = None,
) -> Run:
    """One run: prepare, watch, clear away, judge.

    `only` names the lanes that are asked; all are where it is empty. What nobody will look at costs the machine
    nothing then: two processors that ask everything ten times a second have little left to serve it.
    `beside` is called when all lanes run, in a thread of its own; `after` when they have ended, before the judging.
    Who gives `ended` ends the run by it, from whatever thread; else signals do.
    """
    admin = Client(administrator(topology))
    out.print("Preparing a project, an image, a server…", style="dim")
    if admin.log_in(10).outcome is not Outcome.OK:
        raise NotReadyError("The cloud gives no token, so there is nothing to begin with; see `quorate status`.")
    tenant, evidence = make(admin), Evidence()
    client = Client(tenant.login)
    insist_token(client)
    path = f"/v2.1/servers/{tenant.server}/metadata/{TURN}"
    insist(client, "PUT", "compute", path, {"meta": {TURN: FIRST}})
    with ExitStack() as stack:
        engine = stack.enter_context(open_engine(state.lab, timeout=600))
        blocks = _blocks(topology, tenant, evidence) if not only or BLOCK in only else None
        started = datetime.now(UTC).isoformat(timespec="seconds")
        steps = Steps(client, tenant, evidence, slowness())
        found = [each for each in lanes(steps, blocks, _name_servers(topology)) if not only or each.name in only]
        with_world = topology.regions > 1 and (not only or LANE.name in only)
        recorder = Recorder([*found, LANE] if with_world else found)
        story = Story(engine, recorder, [_look(topology.at(site)) for site in SITES[: min(state.regions, 2)]])
        stack.callback(story.wait)
        story.start()
        if with_world:
            stack.enter_context(World(topology, Anycast(recorder).hear))
        with recorder:
            threading.Thread(target=beside, args=(recorder,), daemon=True).start()
            with _interrupts() if ended is None else nullcontext(ended) as interrupted:
                _until(limit, recorder, interrupted, out, f"{state.lab}, {topology.region}" if is_live else "")
            seconds = recorder.now
            story.stop()
            out.print("Waiting for the last answers, then judging…", style="dim")
        after()
        operations = [one for one in recorder.operations if one.began <= seconds]
        judgement = _judge(client, tenant, evidence, blocks, _hosts(admin))
        if blocks is not None:
            blocks.remove()
            blocks.close()
        try:
            remove(_logged_in(admin), client, tenant)
        except NotReadyError as error:
            out.print(f"The project {tenant.prefix} could not be removed: {error.message}", style="yellow")
    events = tuple(event for event in recorder.events if event.at <= seconds)
    lanes_seen = summaries(operations, recorder.calm, seconds)
    return Run(state.lab, started, seconds, lanes_seen, tuple(operations), events, judgement)


def _until(limit: float, recorder: Recorder, interrupted: threading.Event, out: Console, name: str) -> None:
    """Wait for the end, with a live picture where it has a name."""
    if not name:
        while recorder.now < limit and not interrupted.wait(AGAIN):
            pass
        return
    with Live(console=out, refresh_per_second=FRAMES, screen=True, auto_refresh=False) as picture:
        while recorder.now < limit and not interrupted.wait(1 / FRAMES):
            left = f", {limit - recorder.now:.0f} s left" if limit < float("inf") else ""
            headline = f"{name}   {recorder.now:.0f} s{left}   Ctrl-C ends"
            sentences = max(4, out.size.height - len(recorder.lanes) - 6)
            picture.update(view.live(recorder, headline, out.size.width, sentences), refresh=True)


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Ctrl-C and a polite end stop the run; it is judged all the same."""
    interrupted = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        interrupted.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _hosts(admin: Client) -> list[Host] | None:
    """What is claimed of each compute host; None where nobody says."""
    try:
        insist_token(admin)
        rows = insist(admin, "GET", "compute", "/v2.1/os-hypervisors/detail").json()["hypervisors"]
    except NotReadyError:
        return None
    return [read_host(row) for row in rows]


def _judge(
    client: Client, tenant: Tenant, evidence: Evidence, blocks: Blocks | None, hosts: list[Host] | None
) -> Judgement:
    """Look at everything once more, with patience, and judge."""
    acknowledged = [name for name, outcome in evidence.objects.items() if outcome is Outcome.OK]
    try:
        lost = [name for name in acknowledged if not _is_there(client, f"{tenant.container}/{name}")]
    except NotReadyError:
        lost = None
    try:
        listed = insist(client, "GET", "compute", "/v2.1/servers", give_up=SETTLE).json()["servers"]
        servers = [server["name"] for server in listed if server["id"] != tenant.server]
    except NotReadyError:
        servers = None
    initial = {DATABASE_REGISTER: FIRST, **dict.fromkeys(blocks.registers if blocks else (), EMPTY)}
    return judge(evidence, initial, lost, servers, hosts)


def _is_there(client: Client, path: str) -> bool:
    """Whether an object is there, asked with patience. Raises NotReadyError where nobody says."""
    give_up = time.monotonic() + SETTLE
    while (answer := client.ask("HEAD", "object", path)).outcome is not Outcome.OK:
        if time.monotonic() > give_up:
            if answer.status == 404:
                return False
            raise NotReadyError("Object storage does not answer.")
        time.sleep(AGAIN)
    return True


def insist_token(client: Client) -> None:
    """Log in, with patience. Raises NotReadyError."""
    give_up = time.monotonic() + SETTLE
    while client.log_in(5).outcome is not Outcome.OK:
        if time.monotonic() > give_up:
            raise NotReadyError("The cloud gives no token; see `quorate status`.")
        time.sleep(AGAIN)


def _logged_in(admin: Client) -> Client:
    insist_token(admin)
    return admin


def _blocks(topology: Topology, tenant: Tenant, evidence: Evidence) -> Blocks | None:
    if topology.network not in known_routes():
        return None
    try:
        return Blocks(topology.monitors, POOL, tenant.prefix, evidence)
    except (StorageError, TimeoutError, OSError):
        return None


def _name_servers(topology: Topology) -> list[str]:
    if topology.regions < 2 or topology.network not in known_routes():
        return []
    (dns,) = parts_with_role("dns")
    return [topology.at(site).address(dns) for site in (ONE, TWO)]


def _look(topology: Topology) -> Callable[[], RegionStatus]:
    return lambda: look_at(topology.site)
