"""Breaks parts of the lab on purpose, and mends them: one verb a function, on containers of this lab only."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from docker.errors import APIError, NotFound
from docker.models.containers import Container

from lab import one_instant
from lab.containers import ContainerFacts, LabEngine
from lab.errors import LabError, NotRunningError
from lab.topology import SITES, Part, Topology, all_parts

KILL_PROCESS = (
    'for d in /proc/[0-9]*; do [ "$(cat $d/comm 2>/dev/null)" = "$1" ] && kill -9 ${d#/proc/} && n=1; done; [ "$n" ]'
)
PAUSE_ATTEMPTS = 5
AT_ONCE = 6
ROUNDS = 3
#: A lab never has more: parts that are not there are passed over.
MOST_REGIONS = 2


def kill(engine: LabEngine, part: Part) -> None:
    """SIGKILL: it is gone at once and stays so."""
    container = container_of(engine, part)
    with _told(part):
        container.kill("SIGKILL")


def kill_together(engine: LabEngine, parts: Sequence[Part]) -> None:
    """SIGKILL several parts as nearly in one instant as this machine allows; returns when the engine has noticed."""
    containers = [container_of(engine, part) for part in parts]
    processes = one_instant.first_processes(containers)
    if processes is not None:
        one_instant.kill(processes)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda part: kill(engine, part), parts))


def kill_process(engine: LabEngine, part: Part, process: str) -> None:
    """SIGKILL one program inside; the container goes on."""
    container = container_of(engine, part)
    with _told(part):
        code, _ = container.exec_run(["sh", "-c", KILL_PROCESS, "sh", process])
    if code != 0:
        raise LabError(f"No process named {process!r} runs in {part.label}.")


def pause(engine: LabEngine, part: Part) -> None:
    """Freeze it: its connections stay open and nothing answers."""
    container = container_of(engine, part)
    with _told(part):
        for left in reversed(range(PAUSE_ATTEMPTS)):
            try:
                container.pause()
                return
            except APIError as error:
                # the engine gives up early on processes that are busy
                if not left or "unable to freeze" not in str(error.explanation):
                    raise


def stop(engine: LabEngine, part: Part) -> None:
    """Ask it to end, as an administrator would."""
    container = container_of(engine, part)
    with _told(part):
        container.stop(timeout=20)


def cut(engine: LabEngine, part: Part) -> None:
    """Take it off the network; it goes on alone."""
    container = container_of(engine, part)
    connected = [name for name in engine.network_names() if name in container.attrs["NetworkSettings"]["Networks"]]
    if not connected:
        raise LabError(f"{part.label} is cut off already.")
    with _told(part):
        for network in connected:
            engine.client.networks.get(network).disconnect(container, force=True)


def start(engine: LabEngine, part: Part) -> str:
    """Run it again, frozen or dead; says what was done."""
    container = container_of(engine, part)
    with _told(part):
        if container.status == "paused":
            container.unpause()
            return "thawed"
        if container.status != "running":
            container.start()
            return "started"
    return "was running"


def reconnect(engine: LabEngine, part: Part, topology: Topology) -> None:
    """Put it back on the network, at the address that it had; the router between the sites on all of them."""
    container = container_of(engine, part)
    with _told(part):
        for site in SITES if part.role == "wan" else (part.site,):
            for network in engine.network_names(site):
                engine.client.networks.get(network).connect(
                    container, ipv4_address=topology.at(site).address(part), aliases=[part.name]
                )


def plan_healing(facts: dict[str, ContainerFacts]) -> list[tuple[Part, str]]:
    """What is wrong with each part, in the order in which it is to be mended: `cut`, then `frozen`, then `dead`."""
    known = [
        (part, facts[part.label])
        for part in all_parts(MOST_REGIONS)
        if part.label in facts and part.role != "bootstrap"
    ]
    cut_off = [(part, "cut") for part, fact in known if not fact.is_connected]
    frozen = [(part, "frozen") for part, fact in known if fact.state == "paused"]
    dead = [(part, "dead") for part, fact in known if fact.state in {"exited", "created", "dead"}]
    return cut_off + frozen + dead


def heal(engine: LabEngine, topology: Topology, told: Callable[[str], None], dead_too: bool = True) -> int:
    """Undo every fault; says what was done and returns how many things that were.

    It looks again afterwards: what died just before may have been noticed only then.
    """
    mended = 0
    for _ in range(ROUNDS):
        facts = engine.containers()
        steps = [step for step in plan_healing(facts) if dead_too or step[1] != "dead"]
        if not steps:
            break
        mended += len(steps)
        _mend(engine, topology, steps, facts, told)
    return mended


def _mend(
    engine: LabEngine,
    topology: Topology,
    steps: Sequence[tuple[Part, str]],
    facts: Mapping[str, ContainerFacts],
    told: Callable[[str], None],
) -> None:
    for part in (part for part, fault in steps if fault == "cut"):
        reconnect(engine, part, topology)
        told(f"{part.label} is on the network again")

    def revive(step: tuple[Part, str]) -> str:
        part, fault = step
        if fault == "frozen":
            return start(engine, part)
        with _told(part):  # without another look at all of the lab: forty of them delay what they are to hasten
            engine.client.api.start(facts[part.label].container)
        return "started"

    stopped = [step for step in steps if step[1] != "cut"]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for (part, _), done in zip(stopped, pool.map(revive, stopped), strict=True):
            told(f"{part.label} {done}")


def log_lines(engine: LabEngine, part: Part, follow: bool, tail: int) -> Iterator[str]:
    """The end of a part's log, and what follows if asked."""
    for chunk in container_of(engine, part).logs(stream=True, follow=follow, tail=tail):
        yield chunk.decode("utf-8", "replace")


def container_of(engine: LabEngine, part: Part) -> Container:
    """A part's container, whatever it does. Raises NotRunningError, LabError where there is none."""
    facts = engine.containers()
    if not facts:
        raise NotRunningError(f"The lab {engine.lab} is not up; `make up` starts it.")
    if part.label not in facts:
        raise LabError(f"{part.label} is not part of this lab as it runs now (see `quorate status`).")
    return engine.client.containers.get(facts[part.label].container)


@contextmanager
def _told(part: Part) -> Iterator[None]:
    try:
        yield
    except (APIError, NotFound) as error:
        reason = getattr(error, "explanation", None) or str(error)
        raise LabError(f"{part.label}: {reason}") from error
