"""From what the probes saw to what a person wants to know: is it served, is it redundant, who leads. Pure."""

from collections.abc import Callable, Mapping, Sequence

from lab.containers import ContainerFacts
from lab.facts import Agent, Facts, ServerRow, Store
from lab.status_model import Health, PartStatus, RegionStatus, RoleStatus
from lab.topology import ONE, TWO, Part, Topology

AGENT_ROLES = {"scheduler", "conductor", "compute"}
GALERA_READY = {"up": "synced", "donor": "synced, feeds another"}
REPLICATION_READY = {"up": "primary", "replica": "replica"}
GALERA_PHASES = {
    "recover": "reads its own position",
    "fresh": "new, waits for the others",
    "wait": "waits to know who is newest",
    "start": "starts, no cluster yet",
    "join": "catches up",
    "lost": "without a majority",
    "stop": "is stopping",
}
REPLICATION_PHASES = {
    "fresh": "new, follows nobody yet",
    "wait": "read-only, follows nobody (`quorate db status`)",
    "start": "starts",
    "cut": "does not reach {whom}, whom it follows",
    "diverged": "has transactions that {whom} has not (`quorate db lost`)",
    "broken": "cannot apply what {whom} sent",
    "stop": "is stopping",
}


def assess(topology: Topology, facts: Facts, database_proxy: str, reason: str = "") -> RegionStatus:
    """Judge what was seen."""
    writer = _writer(facts)
    roles = []
    for role in topology.roles:
        if role == "proxysql" and database_proxy != "proxysql":
            continue
        roles.append(
            RoleStatus(role, tuple(_part(topology, facts, part, writer) for part in topology.parts_with_role(role)))
        )
    return RegionStatus(
        lab=topology.lab,
        region=topology.region,
        site=topology.site,
        address=topology.vip,
        address_holder=facts.address_holder,
        address_owners=tuple(sorted(facts.owners)),
        is_routed=facts.is_routed,
        database_proxy=database_proxy,
        database_proxy_reason=reason,
        writer=writer,
        galera_size=sum(_is_synced(facts, part.name) for part in topology.parts_with_role("galera")),
        queue_leaders={queue.name: queue.leader for queue in (facts.broker.queues if facts.broker else ())},
        thin_queues=_thin_queues(facts),
        thin_groups=_groups(facts, is_active=True),
        idle_groups=_groups(facts, is_active=False),
        roles=tuple(roles),
        design=topology.design,
    )


def container_state(fact: ContainerFacts | None) -> str:
    """The container's state in one word."""
    if fact is None:
        return "missing"
    if fact.is_running and not fact.is_connected:
        return "cut off"
    return {"exited": "dead", "created": "not started"}.get(fact.state, fact.state)


def _part(topology: Topology, facts: Facts, part: Part, writer: str | None) -> PartStatus:
    state = container_state(facts.containers.get(part.name))
    health, says = (Health.DOWN, "") if state != "running" else _working(topology, facts, part, writer)
    return PartStatus(part.name, part.role, topology.address(part), state, health, says)


def _working(topology: Topology, facts: Facts, part: Part, writer: str | None) -> tuple[Health, str]:
    if part.role == "edge":
        return _edge(facts)
    if part.role not in AGENT_ROLES and not facts.is_routed:
        return Health.GOOD, "runs (more is not seen from here)"
    if part.role in AGENT_ROLES:
        return _agent(facts.agents, part)
    if part.role in JUDGES:
        return JUDGES[part.role](topology, facts, part)
    if part.role == "galera" and topology.design.replicates:
        return _replicated_database(facts, part)
    return _database(facts, part, writer) if part.role == "galera" else _behind_balancer(facts, part)


def _edge(facts: Facts) -> tuple[Health, str]:
    silent = [name for name, answers in facts.published.items() if not answers]
    if silent:
        return Health.DOUBTFUL, "no answer" if len(silent) == len(facts.published) else f"no {', '.join(silent)}"
    return Health.GOOD, f"publishes {', '.join(facts.published)}"


def _balancer(topology: Topology, facts: Facts, part: Part) -> tuple[Health, str]:
    if facts.balancers.get(part.name) is None:
        return Health.DOUBTFUL, "HAProxy does not answer"
    return Health.GOOD, "holds the address" if part.name in holders(facts) else "stands by"


def holders(facts: Facts) -> frozenset[str]:
    """Who has the address, by this machine's view and by their own; more than one is a split brain."""
    return facts.owners | ({facts.address_holder} if facts.address_holder else set())


def _is_synced(facts: Facts, name: str) -> bool:
    node = facts.galera.get(name)
    return node is not None and (node.phase in GALERA_READY or node.phase in REPLICATION_READY)


def _replicated_database(facts: Facts, part: Part) -> tuple[Health, str]:
    """A primary or a replica, where a person says which is which."""
    node = facts.galera.get(part.name)
    if node is None:
        return Health.DOUBTFUL, "does not answer"
    whom = f"db{node.follows}"
    if node.phase not in REPLICATION_READY:
        return Health.DOUBTFUL, REPLICATION_PHASES.get(node.phase, node.phase).format(whom=whom)
    return Health.GOOD, "primary, takes the writes" if node.phase == "up" else f"replica of {whom}"


def _database(facts: Facts, part: Part, writer: str | None) -> tuple[Health, str]:
    node = facts.galera.get(part.name)
    if node is None:
        return Health.DOUBTFUL, "does not answer"
    if node.phase not in GALERA_READY:
        return Health.DOUBTFUL, GALERA_PHASES.get(node.phase, node.phase)
    return Health.GOOD, f"{'writer, ' if part.name == writer else ''}{GALERA_READY[node.phase]}"


def _shared_database(facts: Facts, part: Part) -> tuple[Health, str]:
    node = facts.shared.get(part.name)
    if node is None:
        return Health.DOUBTFUL, "does not answer"
    if node.phase == "lost":
        return Health.DOUBTFUL, "without a majority: reads only"
    if node.phase not in GALERA_READY:
        return Health.DOUBTFUL, GALERA_PHASES.get(node.phase, node.phase)
    return Health.GOOD, f"{GALERA_READY[node.phase]}, writes for this region"


def _names(topology: Topology, names: Mapping[str, Sequence[str]] | None) -> tuple[Health, str]:
    """Where a DNS server sends the clients of what the regions share."""
    if names is None:
        return Health.DOUBTFUL, "does not answer"
    regions = {topology.at(site).vip: topology.at(site).region for site in (ONE, TWO)}
    said = {name: " and ".join(regions.get(address, address) for address in found) for name, found in names.items()}
    if len(set(said.values())) == 1:
        return Health.GOOD, f"sends to {next(iter(said.values())) or 'nobody'}"
    return Health.GOOD, "; ".join(f"{name}: {where or 'nobody'}" for name, where in said.items())


def _writer(facts: Facts) -> str | None:
    named = [writer for writer in facts.writers.values() if writer]
    return max(named, key=named.count) if named else None


def _proxysql(facts: Facts, part: Part) -> tuple[Health, str]:
    writer = facts.writers.get(part.name)
    rows = _rows(facts, part.name)
    if rows and not any(row.is_up for row in rows):
        return Health.DOUBTFUL, "down for HAProxy"
    return (Health.GOOD, f"writes go to {writer}") if writer else (Health.DOUBTFUL, "sees no writer")


def _broker(facts: Facts, part: Part) -> tuple[Health, str]:
    if facts.broker is None:
        return Health.DOUBTFUL, "no answer"
    if part.name not in facts.broker.running:
        return Health.DOUBTFUL, "not in the cluster"
    if part.name in facts.broker.full:
        return Health.DOUBTFUL, "its disk is full: no node takes messages"
    led = [queue for queue in facts.broker.queues if queue.leader == part.name]
    return Health.GOOD, f"leads {len(led)} of {len(facts.broker.queues)} queues"


def _thin_queues(facts: Facts) -> tuple[str, ...]:
    """Queues without a member on every node: they may not survive the node that they are on."""
    if facts.broker is None:
        return ()
    nodes = len(facts.broker.running)
    return tuple(f"{queue.name} on {queue.online} of {nodes}" for queue in facts.broker.queues if queue.online < nodes)


def _monitor(store: Store | None, part: Part) -> tuple[Health, str]:
    if store is None or part.name not in store.answering:
        return Health.DOUBTFUL, "does not answer"
    return (Health.GOOD, "in quorum") if part.name in store.deciding else (Health.DOUBTFUL, "without a majority")


def _osd(store: Store | None, part: Part) -> tuple[Health, str]:
    if store is None:
        return Health.DOUBTFUL, "not seen (no monitor answers)"
    osd = store.osds.get(part.name)
    if osd is None:
        return Health.DOUBTFUL, "has not booted yet"
    if not osd.is_up:
        return Health.DOUBTFUL, f"down, {'in' if osd.is_in else 'out'}"
    if not osd.is_in:
        return Health.DOUBTFUL, "up, out"
    if osd.is_full:
        return Health.DOUBTFUL, "up, in; its disk is full"
    groups = sum(store.groups.values())
    return Health.GOOD, f"up, in; primary of {osd.primary} of {groups} placement groups" if groups else "up, in"


def _groups(facts: Facts, *, is_active: bool) -> tuple[str, ...]:
    """Placement groups that are not as they should be, counted by state: those that serve, or those that do not."""
    groups = facts.store.groups if facts.store else {}
    return tuple(
        f"{count} placement group{'s' * (count > 1)} {state}"
        for state, count in sorted(groups.items())
        if not state.startswith("active+clean") and state.startswith("active") is is_active
    )


def _storage_node(facts: Facts, part: Part) -> tuple[Health, str]:
    answering = facts.object_servers.get(part.name, frozenset())
    silent = [kind for kind in ("account", "container", "object") if kind not in answering]
    if silent:
        return Health.DOUBTFUL, "does not answer" if not answering else f"no {', '.join(silent)} server"
    return Health.GOOD, "keeps accounts, containers, objects"


def _agent(agents: Sequence[Agent] | None, part: Part) -> tuple[Health, str]:
    if agents is None:
        return Health.DOUBTFUL, "not seen (no compute API)"
    mine = [agent for agent in agents if agent.host == part.name]
    if not mine:
        return Health.DOUBTFUL, "has not reported yet"
    if not mine[0].is_up:
        return Health.DOUBTFUL, "reports no more"
    return Health.GOOD, "reports" if mine[0].is_enabled else "reports, disabled"


def _behind_balancer(facts: Facts, part: Part) -> tuple[Health, str]:
    rows = _rows(facts, part.name)
    if not rows:
        return Health.DOUBTFUL, "not seen (no lb answers)"
    up = sum(row.is_up for row in rows)
    if up == len(rows):
        return Health.GOOD, "takes requests"
    checks = sorted({row.check for row in rows if not row.is_up and row.check})
    return Health.DOUBTFUL, f"down for {len(rows) - up} of {len(rows)} lb {' '.join(checks)}".rstrip()


def _rows(facts: Facts, server: str) -> list[ServerRow]:
    return [row for rows in facts.balancers.values() for row in rows or () if row.server == server]


#: How to judge a part by its role; the rest is judged by the load balancers, agents by what they report.
JUDGES: Mapping[str, Callable[[Topology, Facts, Part], tuple[Health, str]]] = {
    "lb": _balancer,
    "shared-galera": lambda topology, facts, part: _shared_database(facts, part),
    "dns": lambda topology, facts, part: _names(topology, facts.names.get(part.name)),
    "proxysql": lambda topology, facts, part: _proxysql(facts, part),
    "rabbitmq": lambda topology, facts, part: _broker(facts, part),
    "swift": lambda topology, facts, part: _storage_node(facts, part),
    "mon": lambda topology, facts, part: _monitor(facts.store, part),
    "osd": lambda topology, facts, part: _osd(facts.store, part),
}
