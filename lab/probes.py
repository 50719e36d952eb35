"""Asks every part over the network how it does, all at the same time. Thin: judging is `status_model`'s."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab import block_store, wire
from lab.containers import ContainerFacts
from lab.facts import REPLICA_PHASES, Broker, Facts, GaleraNode, Queue, ServerRow
from lab.keystone import Session
from lab.names_in_world import addresses_by_name
from lab.settle import known_routes
from lab.topology import STATS_PORT, Part, Topology, parts_with_role

OBJECT_PORTS = {"account": 6202, "container": 6201, "object": 6200}
STATE_PORT, OWNER_PORT, MANAGEMENT_PORT, PROXYSQL_ADMIN_PORT = 4569, 4570, 15672, 6032
SERVER_ROW = "2"
ARP_TABLE = Path("/proc/net/arp")


class Prober:
    """The questions to one region; it keeps its token between rounds."""

    def __init__(self, topology: Topology, secrets: Mapping[str, str]) -> None:
        self.topology = topology
        self.secrets = secrets
        self.session = Session(topology, secrets.get("ADMIN_PASSWORD", ""))

    def look(self, containers: dict[str, ContainerFacts]) -> Facts:
        """One round of questions to everything that runs."""
        macs = {name: fact.mac for name, fact in containers.items() if fact.mac and name.startswith("lb")}
        is_routed = self.topology.network in known_routes()
        running = {name for name, fact in containers.items() if is_routed and fact.is_running and fact.is_connected}

        def there(role: str) -> list[Part]:
            return [part for part in self.topology.parts_with_role(role) if part.name in running]

        with ThreadPoolExecutor(max_workers=24) as pool:
            holder = pool.submit(self._address_holder, macs if is_routed else {})
            balancers = {part.name: pool.submit(self.balancer, part) for part in there("lb")}
            owners = {part.name: pool.submit(self.owns_address, part) for part in there("lb")}
            galera = {part.name: pool.submit(self.galera, part) for part in there("galera")}
            shared = {part.name: pool.submit(self.galera, part) for part in there("shared-galera")}
            names = {part.name: pool.submit(addresses_by_name, self.topology.address(part)) for part in there("dns")}
            writers = {part.name: pool.submit(self.proxysql_writer, part) for part in there("proxysql")}
            brokers = [pool.submit(self.broker, part) for part in there("rabbitmq")]
            objects = {part.name: pool.submit(self.object_servers, part) for part in there("swift")}
            agents = pool.submit(self.session.agents)
            monitors = {part.name: self.topology.monitor(part) for part in there("mon")}
            store = pool.submit(block_store.look, monitors)
            published = {name: pool.submit(self.session.answers, name) for name in self.session.urls}
        rows = {name: job.result() for name, job in balancers.items()}
        named = {name: job.result() for name, job in writers.items()}
        return Facts(
            containers=containers,
            is_routed=is_routed,
            address_holder=holder.result(),
            owners=frozenset(name for name, job in owners.items() if job.result()),
            balancers=rows,
            galera={name: job.result() for name, job in galera.items()},
            writers=named or {name: galera_writer(seen) for name, seen in rows.items()},
            shared={name: job.result() for name, job in shared.items()},
            names={name: job.result() for name, job in names.items()},
            broker=best_broker([job.result() for job in brokers]),
            agents=agents.result(),
            object_servers={name: job.result() for name, job in objects.items()},
            store=store.result(),
            published={name: job.result() for name, job in published.items()},
        )

    def balancer(self, part: Part) -> tuple[ServerRow, ...] | None:
        """The servers as one load balancer sees them."""
        text = wire.get(f"http://{self.topology.address(part)}:{STATS_PORT}/stats;csv")
        return None if text is None else read_rows(wire.table(text))

    def owns_address(self, part: Part) -> bool:
        """Whether a load balancer says that it has the region's address."""
        return wire.line(self.topology.address(part), OWNER_PORT) == "owner"

    def galera(self, part: Part) -> GaleraNode | None:
        """What a database node says of itself."""
        return read_state(wire.line(self.topology.address(part), STATE_PORT))

    def broker(self, part: Part) -> Broker | None:
        """The cluster as one RabbitMQ node tells it."""
        base = f"http://{self.topology.address(part)}:{MANAGEMENT_PORT}/api"
        login = ("quorate", self.secrets.get("MQ_PASSWORD", ""))
        nodes = wire.as_json(wire.get(f"{base}/nodes", *login))
        if not isinstance(nodes, list):
            return None
        queues = wire.as_json(wire.get(f"{base}/queues", *login))
        # there are alarms: 503, and which
        alarms = wire.as_json(wire.get(f"{base}/health/checks/alarms", *login, expected=(200, 503)))
        return read_broker(nodes, queues if isinstance(queues, list) else [], alarms)

    def object_servers(self, part: Part) -> frozenset[str]:
        """Which of Swift's three servers answer on a storage node."""
        address = self.topology.address(part)
        return frozenset(
            kind for kind, port in OBJECT_PORTS.items() if wire.get(f"http://{address}:{port}/healthcheck") is not None
        )

    def proxysql_writer(self, part: Part) -> str | None:
        """The database node that a ProxySQL sends writes to."""
        import pymysql

        question = "SELECT hostname FROM runtime_mysql_servers WHERE hostgroup_id = 10 AND status = 'ONLINE'"
        try:
            connection = pymysql.connect(
                host=self.topology.address(part),
                port=PROXYSQL_ADMIN_PORT,
                user="radmin",
                password=self.secrets.get("PROXYSQL_ADMIN_PASSWORD", ""),
                connect_timeout=1,
                read_timeout=1,
            )
            with connection, connection.cursor() as cursor:
                cursor.execute(question)
                addresses = [row[0] for row in cursor.fetchall()]
        except (pymysql.err.Error, OSError):
            return None
        named = {self.topology.address(node): node.name for node in parts_with_role("galera")}
        return named.get(addresses[0]) if addresses else None

    def _address_holder(self, macs: Mapping[str, str]) -> str | None:
        """Whose network card answers for the shared address."""
        if not macs or wire.get(f"http://{self.topology.vip}:{STATS_PORT}/stats;csv") is None or not ARP_TABLE.exists():
            return None
        return read_holder(ARP_TABLE.read_text(encoding="ascii"), self.topology.vip, macs)


def read_holder(arp: str, address: str, macs: Mapping[str, str]) -> str | None:
    """The part whose card the kernel knows for an address."""
    for row in (line.split() for line in arp.splitlines()[1:]):
        if row[0] == address:
            return next((name for name, mac in macs.items() if mac == row[3]), None)
    return None


def read_rows(table: list[dict[str, str]]) -> tuple[ServerRow, ...]:
    """The rows about servers in HAProxy's table."""
    return tuple(
        ServerRow(row["pxname"], row["svname"], row["status"], row.get("check_status", ""), int(row.get("weight") or 1))
        for row in table
        if row.get("type") == SERVER_ROW
    )


def galera_writer(rows: tuple[ServerRow, ...] | None) -> str | None:
    """The database node that HAProxy sends writes to: the one that is up and has the weight.

    All nodes in step are up to it; those that are not the writer have a weight of 0.
    """
    names = {part.name for part in parts_with_role("galera")}
    return next((row.server for row in rows or () if row.server in names and row.is_up and row.weight), None)


def read_state(line: str | None) -> GaleraNode | None:
    """A state port's line: `ordinal uuid seqno phase`, and whom a replica follows at its end."""
    fields = (line or "").split()
    if len(fields) < 4:
        return None
    follows = fields[6] if fields[3] in REPLICA_PHASES and len(fields) > 6 else ""
    return GaleraNode(fields[1], int(fields[2]) if fields[2].lstrip("-").isdigit() else -1, fields[3], follows)


def read_broker(nodes: list[dict[str, Any]], queues: list[dict[str, Any]], alarms: Any = None) -> Broker:
    """RabbitMQ's two lists and its alarms, with the parts' own names."""
    found = alarms.get("alarms") or [] if isinstance(alarms, dict) else []
    running = frozenset(_part_name(node["name"]) for node in nodes if node.get("running"))
    return Broker(
        running,
        tuple(_read_queue(queue, running) for queue in queues if queue.get("type") == "quorum" or queue.get("durable")),
        frozenset(_part_name(alarm["node"]) for alarm in found if alarm.get("resource") == "disk space"),
    )


def _read_queue(queue: dict[str, Any], running: frozenset[str]) -> Queue:
    leader = _part_name(queue.get("leader") or queue.get("node") or "")
    if queue.get("type") == "quorum":
        return Queue(queue["name"], leader, len(queue.get("members", [])), len(queue.get("online", [])))
    return Queue(queue["name"], leader, 1, int(leader in running))


def best_broker(seen: list[Broker | None]) -> Broker | None:
    """The view of the node that sees most of the cluster, and the full disks that any of them knows of.

    After a partition a node may not hear of another's alarm; that one knows it.
    """
    found = [broker for broker in seen if broker]
    best = max(found, key=lambda broker: len(broker.running), default=None)
    return best and replace(best, full=frozenset().union(*(broker.full for broker in found)))


def _part_name(node: str) -> str:
    return node.split("@", 1)[-1].split(".", 1)[0]
