"""What `up` waits for in a region, stage by stage, and what is still missing. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from lab.containers import ContainerFacts
from lab.design import Design, Queues
from lab.status_model import Health, RegionStatus


@dataclass(frozen=True)
class Stage:
    """One thing to wait for: parts with these roles, the one-shot job, or copies."""

    title: str
    roles: tuple[str, ...] = ()
    awaits_job: bool = False
    patience: float | None = None  # seconds after which `up` goes on without it


REPLICAS = "Replicas follow the primary"
STAGES = (
    Stage("Load balancers share their address", ("lb",)),
    Stage("Galera is synced", ("galera", "shared-galera")),
    Stage("Database proxy knows the writer", ("proxysql",)),
    Stage("RabbitMQ is one cluster", ("rabbitmq",)),
    Stage("Monitors have a quorum, OSDs are up", ("mon", "osd")),
    Stage("Tables and first data are there", awaits_job=True),
    Stage("Storage nodes of objects answer", ("swift",)),
    Stage(
        "APIs answer behind the load balancers", ("identity", "image", "compute-api", "volume", "swift-proxy", "edge")
    ),
    Stage("Names lead to every region", ("dns",)),
    Stage("Schedulers, conductors and compute agents report", ("scheduler", "conductor", "compute")),
    Stage("Queues and placement groups have all their copies", patience=20),
)


def title(stage: Stage, design: Design) -> str:
    """What a stage is called in a lab of this design."""
    return REPLICAS if "galera" in stage.roles and design.replicates else stage.title


def missing(stage: Stage, status: RegionStatus, job: ContainerFacts | None) -> list[str]:
    """What this stage still waits for; nothing when it is reached."""
    if not stage.roles and not stage.awaits_job:
        thin = status.thin_queues if status.design.queues is Queues.QUORUM else ()
        return [*thin, *status.thin_groups, *status.idle_groups]
    if stage.awaits_job:
        is_done = job is not None and job.exit_code == 0 and job.state == "exited"
        return [] if is_done else ["bootstrap (makes tables and first data)"]
    lacking = [
        f"{part.name} ({part.says or part.container})"
        for role in status.roles
        if role.role in stage.roles
        for part in role.parts
        if part.health is not Health.GOOD
    ]
    if not lacking and "lb" in stage.roles and status.is_routed and status.address_holder is None:
        return [f"an owner of {status.address}"]
    return lacking


def ended(containers: Mapping[str, ContainerFacts]) -> list[ContainerFacts]:
    """Containers that should run and have ended, the job only if it failed."""
    return [
        fact
        for fact in containers.values()
        if fact.state in {"exited", "dead"} and not (fact.name == "bootstrap" and fact.exit_code == 0)
    ]
