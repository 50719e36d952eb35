"""Talks SQL to the database nodes, each straight, past the load balancers. Thin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pymysql

from lab import envfile
from lab.design import Database
from lab.errors import LabError, NotRunningError
from lab.look import running_lab
from lab.paths import ENV_FILE
from lab.replication.members import Member
from lab.settle import known_routes
from lab.state import LabState
from lab.topology import ONE

CONNECT, ANSWER = 1, 10
CAUGHT_UP, TOO_LATE = 0, -1


class Nodes:
    """The database nodes of one region of a lab whose databases have a primary and replicas, by their labels."""

    def __init__(self, state: LabState, region: str, password: str) -> None:
        """Raises LabError where the lab is of another design or cannot be reached, BadNameError for no region of it."""
        if not state.design.replicates:
            raise LabError(
                f"This lab's database is {state.design.database}, which chooses its writer itself;"
                " `make up DB=replication` makes one with a primary that a person promotes."
            )
        topology = state.region(region)
        if topology.network not in known_routes():
            raise NotRunningError("This machine has no route to the lab's network, where its database nodes are.")
        self.addresses = {part.label: topology.address(part) for part in topology.parts_with_role("galera")}
        self._password = password
        self._is_semisync = state.design.database is Database.SEMISYNC

    @property
    def names(self) -> Mapping[str, str]:
        """Their names, by address."""
        return {address: name for name, address in self.addresses.items()}

    def label(self, name: str) -> str:
        """A node's label: `two/db1` of the second region, where `db1` will do."""
        return next((label for label in self.addresses if label.endswith(f"/{name}")), name)

    def all(self) -> list[Member]:
        """Every node as it is now."""
        with ThreadPoolExecutor(len(self.addresses)) as pool:
            return list(pool.map(self.look, self.addresses))

    def look(self, name: str) -> Member:
        """One node."""
        silent = Member(name, self.addresses[name])
        try:
            with self._connected(name) as cursor:
                own = _row(
                    cursor, "SELECT @@read_only AS ro, @@gtid_binlog_state AS state, @@gtid_binlog_pos AS position"
                )
                source = _row(cursor, "SHOW SLAVE STATUS")
        except (pymysql.err.Error, OSError):
            return silent
        return Member(
            name,
            self.addresses[name],
            answers=True,
            is_writable=not int(own["ro"]),
            state=own["state"],
            position=own["position"],
            source=source.get("Master_Host", ""),
            received=source.get("Gtid_IO_Pos", ""),
            receives=source.get("Slave_IO_Running", "") == "Yes",
            applies=source.get("Slave_SQL_Running", "") == "Yes",
            refusal=int(source.get("Last_IO_Errno", 0)),
        )

    def close(self, name: str) -> str:
        """Let a primary refuse writes from now on; returns the last that it took. What is open then cannot commit."""
        with self._told(name) as cursor:
            cursor.execute("SET GLOBAL read_only = ON")
            return str(_row(cursor, "SELECT @@gtid_binlog_pos AS position")["position"])

    def open(self, name: str) -> None:
        """Let it take writes again."""
        with self._told(name) as cursor:
            cursor.execute("SET GLOBAL read_only = OFF")

    def await_position(self, name: str, position: str, seconds: float) -> bool:
        """Whether a replica has applied everything up to there within so many seconds."""
        with self._told(name) as cursor:
            cursor.execute("SELECT MASTER_GTID_WAIT(%s, %s) AS ended", (position, seconds))
            (ended,) = cursor.fetchone()
            return int(ended) == CAUGHT_UP

    def sever(self, name: str) -> str:
        """Let a replica listen to its primary no more; returns the last that it received."""
        with self._told(name) as cursor:
            if _row(cursor, "SHOW SLAVE STATUS").get("Slave_IO_Running") == "Yes":
                cursor.execute("STOP SLAVE IO_THREAD")
            return str(_row(cursor, "SHOW SLAVE STATUS").get("Gtid_IO_Pos", ""))

    def promote(self, name: str) -> None:
        """Make a node the primary. The other nodes notice, and follow it by themselves.

        It takes writes first and forgets the old primary then: to stop listening to one that is dead takes seconds.
        """
        with self._told(name) as cursor:
            if self._is_semisync:
                cursor.execute("SET GLOBAL rpl_semi_sync_master_enabled = ON")
            cursor.execute("SET GLOBAL read_only = OFF")
            cursor.execute("STOP SLAVE")
            cursor.execute("RESET SLAVE ALL")

    def log(self, name: str) -> list[tuple[str, str]]:
        """The events of a node's binary log, its newest files first: of which type, and what they say."""
        found: list[tuple[str, str]] = []
        with self._told(name) as cursor:
            cursor.execute("SHOW BINARY LOGS")
            files = [str(row[0]) for row in cursor.fetchall()]
            for file in files:
                cursor.execute(f"SHOW BINLOG EVENTS IN '{file}'")
                found += [(str(row[2]), str(row[5])) for row in cursor.fetchall()]
        return found

    @contextmanager
    def _connected(self, name: str) -> Iterator[Any]:
        connection = pymysql.connect(
            host=self.addresses[name],
            user="root",
            password=self._password,
            connect_timeout=CONNECT,
            read_timeout=ANSWER,
            autocommit=True,
            ssl_disabled=True,
        )
        with connection, connection.cursor() as cursor:
            yield cursor

    @contextmanager
    def _told(self, name: str) -> Iterator[Any]:
        try:
            with self._connected(name) as cursor:
                yield cursor
        except (pymysql.err.Error, OSError) as error:
            said = error.args[-1] if error.args else type(error).__name__
            raise LabError(f"{name}: {said}") from error


def _row(cursor: Any, question: str) -> dict[str, Any]:
    """The first row by its columns; empty where there is none."""
    cursor.execute(question)
    row = cursor.fetchone()
    return dict(zip((column[0] for column in cursor.description), row, strict=True)) if row else {}


def nodes_of_this_lab(region: str = ONE) -> Nodes:
    """Those of one region of this checkout's lab. Raises LabError, BadNameError."""
    return Nodes(running_lab(), region, envfile.read(ENV_FILE).get("DB_ROOT_PASSWORD", ""))
