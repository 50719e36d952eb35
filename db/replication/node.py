"""The process that runs a node: start the server read-only, then lead or follow as is decided, look after it, stop."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from galera import engine, port
from galera.accounts import question, statements, wanted_accounts
from galera.datadir import SEED
from galera.first_process import hold_signals, say, stop_asked
from galera.settings import Settings, read_settings

from replication.decide import Action, Choice, decide, should_listen
from replication.records import STARTING, STOPPING, UP, Member, described, member, server_state, unused_number
from replication.session import Session, once
from replication.statements import LOOK, follow, lead, replicator

CONFIGURATION = "--defaults-file=/etc/mysql/replication.cnf"
DATA = Path("/var/lib/mysql")
TICK = 0.2
#: Between two looks at the peers.
PEERS = 0.4
FAREWELL, PATIENCE = 0.6, 60.0
#: What a change of the primary may take: to stop listening to one that is dead is slow.
CHANGE = 15.0


class Keeper:
    """Keeps one node. `line` is called from the state port's thread; all else from the main thread."""

    def __init__(self, settings: Settings, password: str, semisync: bool) -> None:
        self._settings, self._password, self._semisync = settings, password, semisync
        self._seeded = DATA / "quorate.seeded"  # made last, so that a broken copy is made again
        self._fresh = DATA / "quorate.fresh"
        self._number = DATA / "quorate.number"  # of the server, where it is not the ordinal
        self._rebuild = DATA / "quorate.rebuild"
        self._me = Member(settings.ordinal)
        self._session = Session()
        self._admitted = self._led = False
        self._stop_asked = False
        self._told = ""
        self._look_next = 0.0

    def line(self) -> str:
        """What the node says about itself now."""
        return self._me.line()

    def run(self) -> int:
        """One life of the server; returns the exit status."""
        self._seed()
        server = engine.Engine(self._command())
        while server.running():
            if self._stop_asked:
                self._farewell(server)
                return 0
            self._look()
            self._pause()
        say(f"the server ended with status {server.exit_status}")
        return 1

    def _seed(self) -> None:
        """Fill an empty directory from the image; empty it first where that was asked for."""
        if self._rebuild.exists():
            say("begins anew, without the data that it had")
            all_else = ["/usr/bin/find", str(DATA), "-mindepth", "1", "!", "-name", self._rebuild.name, "-delete"]
            subprocess.run(all_else, check=True)  # noqa: S603 - fixed words
            self._rebuild.unlink()
        if self._seeded.exists():
            return
        subprocess.run(["/bin/cp", "-a", "--sparse=always", f"{SEED}/.", str(DATA)], check=True)  # noqa: S603
        os.sync()
        self._fresh.touch()
        self._seeded.touch()
        say("first start: copied the seed")

    def _command(self) -> list[str]:
        half = ["--rpl-semi-sync-slave-enabled=ON"] if self._semisync else []
        number = self._number.read_text() if self._number.exists() else self._settings.ordinal
        return ["mariadbd", CONFIGURATION, f"--server-id={number}", *half]

    def _look(self) -> None:
        """Ask the server how it does, and do what follows from that."""
        answer = self._session.ask(LOOK)
        if answer is None or "read_only" not in answer:
            self._admitted = False
            self._show(Member(self._settings.ordinal))
            return
        seen = described(self._settings.ordinal, self._fresh.exists(), self._settings.addresses, server_state(answer))
        if seen.phase == UP and not self._admitted:
            self._become_primary()
        self._show(seen)
        if seen.phase != UP and time.monotonic() >= self._look_next:
            self._look_next = time.monotonic() + PEERS
            answers = port.ask_all(self._settings.peers)
            peers = {ordinal: member(node) if node else None for ordinal, node in answers.items()}
            choice = decide(seen, peers, deposed=self._led)
            self._act(choice, peers)
            if choice.action is Action.STAY:
                self._listen(should_listen(seen, peers))

    def _act(self, choice: Choice, peers: Mapping[int, Member | None]) -> None:
        if choice.why != self._told:
            say(f"{choice.action.value}: {choice.why}")
            self._told = choice.why
        if choice.action is Action.LEAD:
            try:
                self._ensure_accounts()
            except subprocess.SubprocessError as problem:
                say(f"could lead, but accounts could not be made: {type(problem).__name__}")
                return
            self._session.ask(lead(self._semisync))
        elif choice.action is Action.FOLLOW:
            address, leader = self._settings.addresses[choice.whom], peers[choice.whom]
            if self._fresh.exists() and leader:
                number = unused_number(self._settings.ordinal, leader.state)
                self._number.write_text(str(number))
                self._session.ask([f"set global server_id = {number}"])
            self._session.ask(follow(address, self._password, self._semisync), CHANGE)
            self._fresh.unlink(missing_ok=True)

    def _listen(self, wanted: bool | None) -> None:
        if wanted is not None:
            self._session.ask([f"{'start' if wanted else 'stop'} slave io_thread"], CHANGE)

    def _become_primary(self) -> None:
        self._fresh.unlink(missing_ok=True)
        self._admitted = self._led = True
        self._told = ""
        say("takes the writes")

    def _ensure_accounts(self) -> None:
        """Databases and users, in the log, so that replicas get them too."""
        settings = self._settings
        wanted = wanted_accounts(settings.root_password, settings.monitor_password, settings.databases)
        todo = statements(wanted, once(question(wanted)))
        if todo:
            once(";\n".join([*todo, *replicator(self._password)]) + ";\n")

    def _show(self, seen: Member) -> None:
        if seen.phase not in {self._me.phase, STARTING}:
            say(f"is {seen.phase}{f' of node {seen.follows}' if seen.follows else ''}, at {seen.position}")
        if seen.phase != UP:
            self._admitted = False
        self._me = seen

    def _farewell(self, server: engine.Engine) -> None:
        """Announce the stop, let load balancers act on it, then stop cleanly."""
        was_primary = self._me.phase == UP
        self._me = self._me._replace(phase=STOPPING)
        say("stopping")
        if was_primary:
            time.sleep(FAREWELL)
        self._session.close()
        server.end(PATIENCE)

    def _pause(self) -> None:
        self._stop_asked = stop_asked(TICK) or self._stop_asked


def main() -> None:
    """Run the node of this container."""
    hold_signals()
    settings = read_settings(os.environ)
    password = os.environ.get("DB_REPLICATION_PASSWORD", "")
    if not password:
        raise SystemExit("not set: DB_REPLICATION_PASSWORD")
    keeper = Keeper(settings, password, os.environ["DB_DESIGN"] == "semisync")
    port.StatePort(keeper.line).start()
    sys.exit(keeper.run())
