"""The database server process and the one-shot client that talks to it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from functools import lru_cache
from pathlib import Path

from galera.accounts import question, statements, wanted_accounts
from galera.bootstrap import Action
from galera.datadir import CONFIGURATION
from galera.provider import node_options, written
from galera.records import SERVING_PHASES, UNDEFINED, Node, Saved, described
from galera.settings import Settings

ENDING_LOOK = 0.05
QUESTION = 0.7  # seconds for an answer about membership: less than what counts as sleep
MEMBERSHIP = (
    "show global status where variable_name in ('wsrep_cluster_status', 'wsrep_local_state_comment', "
    "'wsrep_connected', 'wsrep_local_index', 'wsrep_incoming_addresses')"
)
NOTIFICATION = Path("/run/galera/notify")
CLIENT = ["/usr/bin/mariadb", "--no-defaults", "--socket=/run/galera/mysqld.sock", "--user=mysql", "--skip-ssl", "-BN"]


def seniority(node: Node) -> tuple[int, int]:
    """Sort key: the first is the node that load balancers use as the writer."""
    return node.since, -node.ordinal


def donors(settings: Settings, peers: list[Node]) -> list[str]:
    """Whom a joiner asks for state, the node that is the least likely writer first.

    Only nodes of the own region are named, if there are any: among those that are named, the engine itself takes the
    one whose history begins last. An empty name at the end stands for any node.
    """
    near = [peer for peer in peers if settings.segments[peer.ordinal] == settings.segment]
    serving = [peer for peer in near if peer.phase in SERVING_PHASES]
    return [*(f"db{peer.ordinal}" for peer in sorted(serving, key=seniority, reverse=True)), ""]


def command(settings: Settings, action: Action, saved: Saved, peers: list[Node]) -> list[str]:
    """The server's command line."""
    line = [
        "mariadbd",
        CONFIGURATION,
        f"--server-id={settings.ordinal}",
        f"--wsrep-cluster-name={settings.cluster}",
        f"--wsrep-cluster-address=gcomm://{','.join(settings.addresses.values())}",
        f"--wsrep-node-name=db{settings.ordinal}",
        f"--wsrep-node-address={settings.address}",
        f"--wsrep-node-incoming-address={settings.address}:3306",
        f"--wsrep-sst-donor={','.join(donors(settings, peers))}",
        f"--wsrep-provider-options={written(node_options(settings.segment))}",
    ]
    if settings.distant:
        # A region that is cut off goes on answering who somebody is.
        line.append("--wsrep-dirty-reads=ON")
    if saved.uuid != UNDEFINED and saved.seqno >= 0:
        line.append(f"--wsrep-start-position={saved.uuid}:{saved.seqno}")
    if action is Action.BOOTSTRAP:
        line.append("--wsrep-new-cluster")
    return line


class Engine:
    """A running server. The caller is process 1, so it also collects processes that nobody waits for."""

    def __init__(self, line: list[str]) -> None:
        NOTIFICATION.unlink(missing_ok=True)
        self.pid = os.posix_spawnp(line[0], line, os.environ, setsigmask=())
        self.exit_status: int | None = None

    def running(self) -> bool:
        """Whether the server lives; collects whatever ended."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self.pid:
                    self.exit_status = os.waitstatus_to_exitcode(status)
        return self.exit_status is None

    def end(self, patience: float) -> None:
        """Ask for a clean shutdown and wait for it; kill the server if that takes longer than so many seconds."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + patience
        while self.running():
            if time.monotonic() > deadline:
                self._signal(signal.SIGKILL)
            time.sleep(ENDING_LOOK)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


def notification() -> str:
    """The arguments of the server's last notification: read once, though asked for fifty times a second."""
    try:
        there = NOTIFICATION.stat()
        return _notified(there.st_ino, there.st_mtime_ns)
    except OSError:
        return ""


@lru_cache(maxsize=1)
def _notified(_file: int, _changed_at: int) -> str:
    return NOTIFICATION.read_text()


def asked(settings: Settings) -> str:
    """The server's own answer about its membership, in the form of a notification; empty where it gives none."""
    ordinals = {address: ordinal for ordinal, address in settings.addresses.items()}
    try:
        return described(sql(MEMBERSHIP, QUESTION), ordinals)
    except (subprocess.SubprocessError, OSError):
        return ""


def give_up(member: str) -> None:
    """Have the engine go on without a member that is known to be dead, by its identity in the current view.

    It would do so by itself some seconds later. The word of one node is enough, but comes sooner from all. The member
    counts as lost, not as one that took its leave: what a majority is does not change.
    """
    sql(f"set global wsrep_provider_options = 'evs.evict={member}'", QUESTION)


def stand_back(*, isolated: bool) -> None:
    """Have the engine neither hear nor answer any other member, or do so again. It keeps its data and can be read."""
    sql(f"set global wsrep_provider_options = 'gmcast.isolate={int(isolated)}'", QUESTION)


def sql(text: str, patience: float = 10.0) -> str:
    """Run statements through the local socket within so many seconds; secrets travel on standard input."""
    done = subprocess.run(  # noqa: S603 - a fixed command
        CLIENT,
        input=text,
        text=True,
        stdout=subprocess.PIPE,
        check=True,
        timeout=patience,
    )
    return done.stdout


def ensure_accounts(settings: Settings) -> int:
    """Make missing databases and users; returns the number of the current view."""
    wanted = wanted_accounts(settings.root_password, settings.monitor_password, settings.databases)
    answer = sql("show status like 'wsrep_cluster_conf_id';\n" + question(wanted))
    todo = statements(wanted, answer)
    if todo:
        sql(";\n".join(todo) + ";\n")
    return int(answer.split(maxsplit=2)[1])
