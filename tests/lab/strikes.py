"""Every fault that the lab is tried with, as data: what is struck, which meters look, how it is mended."""

from collections.abc import Callable, Sequence

from lab import faults
from lab.topology import Part, parts_with_role
from tests.lab.builds import strike_in_mid_build
from tests.lab.disk import came_back_by, empty_disk
from tests.lab.power import bring_up, kill_all
from tests.lab.trial import Fault, Trial, ended

Verb = Callable[..., None]


def _strike(verb: Verb, find: Callable[[Trial], Part], *more: str) -> Callable[[Trial], list[Part]]:
    def strike(trial: Trial) -> list[Part]:
        victim = find(trial)
        verb(trial.region.engine, victim, *more)
        return [victim]

    return strike


def _replica(role: str) -> Callable[[Trial], Part]:
    """Another one each run."""
    parts = parts_with_role(role)
    return lambda trial: parts[trial.run % len(parts)]


def _balancer(trial: Trial) -> Part:
    return trial.region.active_balancer()


def _writer(trial: Trial) -> Part:
    return trial.region.writer()


def _leader(trial: Trial) -> Part:
    return trial.region.queue_leader("conductor")


def _other_node(trial: Trial) -> Part:
    writer = trial.region.writer()
    return next(part for part in parts_with_role("galera") if part != writer)


def _building(verb: Verb, find: Callable[[Trial], Part]) -> Callable[[Trial], Sequence[Part]]:
    def strike(trial: Trial) -> Sequence[Part]:
        victim = find(trial)

        def act() -> Part:
            verb(trial.region.engine, victim)
            return victim

        return strike_in_mid_build(trial, act)

    return strike


def _one_of_each(trial: Trial) -> list[Part]:
    victims = trial.region.one_of_everything()
    trial.region.kill_together(victims)
    return victims


def _empty_one_disk(trial: Trial) -> list[Part]:
    victim = _other_node(trial)
    faults.kill(trial.region.engine, victim)
    empty_disk(trial.region, victim)
    return [victim]


REPLICAS = tuple(
    Fault(role, _strike(faults.kill, _replica(role)), polls=role == "identity")
    for role in ("identity", "image", "compute-api")
)
BALANCERS = (
    Fault("lb-kill", _strike(faults.kill, _balancer), polls=True),
    Fault("lb-haproxy", _strike(faults.kill_process, _balancer, "haproxy"), polls=True, during=ended),
    Fault("lb-pause", _strike(faults.pause, _balancer), polls=True),
)
DATABASES = (
    Fault("writer-kill", _strike(faults.kill, _writer), writes=True, after=came_back_by()),
    Fault("writer-stop", _strike(faults.stop, _writer), writes=True, after=came_back_by()),
    Fault("writer-cut", _strike(faults.cut, _writer), writes=True, after=came_back_by("IST")),
    Fault("writer-pause", _strike(faults.pause, _writer), writes=True, after=came_back_by()),
    Fault("node-sst", _empty_one_disk, writes=True, after=came_back_by("SST")),
)
PROXIES = (Fault("proxysql-kill", _strike(faults.kill, _replica("proxysql")), writes=True),)
BROKERS = (
    Fault("queue-kill", _strike(faults.kill, _leader), rounds=True),
    Fault("queue-cut", _strike(faults.cut, _leader), rounds=True),
    Fault("queue-pause", _strike(faults.pause, _leader), rounds=True),
    Fault("queue-builds", _building(faults.kill, _leader)),
)
BUILDERS = tuple(Fault(role, _building(faults.kill, _replica(role))) for role in ("scheduler", "conductor", "compute"))
EVERYTHING = (
    Fault("one-of-each", _one_of_each, polls=True, writes=True),
    Fault("all", kill_all, serves_on=False, polls=True, writes=True, mend=bring_up),
)
