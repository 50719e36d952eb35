"""The process that runs a node: decide how to start, start, admit clients, stop."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping
from enum import Enum

from galera import port, presence
from galera.bootstrap import LEFT_BEHIND, STUCK, Action, decide, hopeless, left_behind
from galera.datadir import DataDirectory
from galera.earshot import AnswerPort, Earshot
from galera.engine import Engine, asked, command, ensure_accounts, give_up, notification, stand_back
from galera.first_process import hold_signals, say, stop_asked
from galera.hearsay import Hearsay
from galera.lasting import Lasting
from galera.precedence import ARBITRATOR, Precedence
from galera.records import (
    FRESH,
    JOINING,
    LOST,
    NO_VIEW,
    PRIMARY_PHASES,
    STARTING,
    STOPPING,
    UP,
    WAITING,
    Node,
    Saved,
    is_outcast,
    joined,
    member_id,
    notified_members,
    notified_phase,
)
from galera.settings import Settings, read_settings
from galera.watchfulness import Watchfulness

TICK = 0.1
FRESH_NEWS = 1.0  # seconds for which the news of a death counts
OUTCAST = 5.0  # seconds that an engine may be outside of the component that it names
LOOK = 1.0  # between looks at the peers while there is no primary component
FAREWELL = 0.6  # seconds between announcing the stop and stopping: load balancers move the writer first
REST = 10  # ticks between two lives of an engine in a cluster over a WAN
ATTEMPTS = 5  # starts of the engine that may fail before the container gives up
STANDS_BACK = "hears no node of the region before its own, which the third site hears: leaves the writing to it"


class End(Enum):
    """How a life of the engine ended."""

    STOPPED = "stopped"
    STUCK = "stuck"
    FAILED = "failed"  # before it was ever in step
    LEFT = "left"  # after it lost the others: it ends itself where a state transfer to it fails
    DIED = "died"  # while it was in step


class Keeper:
    """Keeps one node. `line` is called from the state port's thread; all else from the main thread."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._directory = DataDirectory(settings.segments)
        self._node = Node(settings.ordinal)
        self._saved = Saved("", -1, False)
        self._engine: Engine | None = None
        self._admitted = False
        self._stop_asked = False
        self._watchfulness = Watchfulness(time.monotonic())
        self._waits_for_others = False
        self._failures = 0
        self._look_next = 0.0
        self._hearsay = Hearsay(notification)
        self._gone: deque[tuple[str, str, float]] = deque()
        self._precedence = Precedence(settings.segment, settings.segments)
        self._stands_back = False
        self._hopeless, self._outcast, self._left_behind = Lasting(), Lasting(), Lasting()

    def line(self) -> str:
        """What the node says about itself now."""
        if not self._engine or self._node.phase == STOPPING:
            return self._node.line()
        text = self._hearsay.text()
        phase = notified_phase(text, admitted=self._admitted)
        if phase in PRIMARY_PHASES and self._watchfulness.doubtful(time.monotonic()):
            phase = LOST
        back = joined([self._settings.ordinal] if self._stands_back else [])
        return self._node._replace(phase=phase, members=notified_members(text), back=back).line()

    def hear_of_death(self, member: str) -> None:
        """A member's process has ended. May be called from any thread."""
        self._gone.append((member, "has died", time.monotonic()))

    def hear(self, heard: Mapping[int, Node], now: float) -> None:
        """Take in which members have answered of late. May be called from any thread."""
        for ordinal in self._precedence.look(heard, now):
            self._gone.append((f"db{ordinal}", "stands back", now))

    def run(self) -> int:
        """Live through starts of the engine until asked to stop; returns the exit status."""
        if self._directory.seed():
            say("first start: copied the seed")
        while not self._stop_asked:
            chosen = self._choose()
            if chosen is None:
                break
            action, peers = chosen
            self._waits_for_others = action is not Action.BOOTSTRAP
            end = self._live(command(self._settings, action, self._saved, peers))
            if end is End.STOPPED:
                return 0
            if not self._goes_on(end):
                return 1
        return 0

    def _goes_on(self, end: End) -> bool:
        """Whether the engine is to be started again. Prepares for it."""
        self._failures += end in {End.FAILED, End.LEFT}
        if self._settings.distant:
            # Its engine ends itself, too, when a WAN takes its donor away while it joins: that is no defect.
            self._node = Node(self._settings.ordinal)
            for _ in range(REST):
                self._pause()
        elif end is End.DIED:
            return False
        elif self._failures >= ATTEMPTS:
            say(f"the engine failed {self._failures} times without coming into step; giving up")
            return False
        if end in {End.FAILED, End.STUCK}:
            self._directory.forget_view()
        return True

    def _choose(self) -> tuple[Action, list[Node]] | None:
        """Wait for a choice other than to wait."""
        found = self._directory.inspect(self._settings.ordinal)
        self._saved = found.saved
        phase = FRESH if found.fresh else WAITING
        self._node = Node(self._settings.ordinal, found.saved.uuid, found.saved.seqno, phase, 0, found.view)
        say(f"position {found.saved.uuid}:{found.saved.seqno}, view {found.view}{', fresh' if found.fresh else ''}")
        began, told = time.monotonic(), ""
        while not self._stop_asked:
            peers = self._ask_peers()
            choice = decide(self._node, peers, safe=found.saved.safe, waited=time.monotonic() - began)
            if choice.why != told:
                say(f"{choice.action.value}: {choice.why}")
                told = choice.why
            if choice.action is not Action.WAIT:
                self._prepare(choice.action)
                return choice.action, [peer for peer in peers.values() if peer]
            self._pause()
        return None

    def _ask_peers(self) -> dict[int, Node | None]:
        return port.ask_all(self._settings.peers, port.FAR if self._settings.distant else port.NEAR)

    def _prepare(self, action: Action) -> None:
        if action is not Action.RESUME:
            self._directory.forget_view()
            self._node = self._node._replace(view=NO_VIEW)
        if action is Action.BOOTSTRAP:
            self._directory.allow_bootstrap()

    def _live(self, line: list[str]) -> End:
        """One life of the engine."""
        self._admitted, was_in_step, self._stands_back = False, False, False
        self._node = self._node._replace(phase=STARTING, since=0)
        engine = self._engine = Engine(line)
        followed = ""
        self._look_next = time.monotonic() + LOOK
        self._hopeless, self._outcast, self._left_behind = Lasting(), Lasting(), Lasting()
        while engine.running():
            self._watchfulness.tick(time.monotonic())
            if self._stop_asked:
                return self._farewell(engine)
            self._give_up(time.monotonic())
            self._give_way()
            if self._hearsay.compare(time.monotonic(), lambda: asked(self._settings)):
                say(f"its last notification is out of date; asked, it says: {self._hearsay.text()}")
            if (text := self._hearsay.text()) != followed and self._follow(text):
                followed = text
            if self._admitted:
                self._waits_for_others = was_in_step = True
                self._failures = 0
            if self._is_stuck(time.monotonic()):
                say("nothing will come of this; deciding anew")
                engine.end(15.0)
                self._engine = None
                return End.STUCK
            self._pause()
        self._engine = None
        say(f"the engine ended with status {engine.exit_status}")
        if self._admitted:
            return End.DIED
        return End.LEFT if was_in_step else End.FAILED

    def _follow(self, text: str) -> bool:
        """React to a notification: admit clients when in step, note the view. False asks for another try."""
        phase = notified_phase(text, admitted=True)
        if phase == LOST:
            self._admitted = False
        if phase == UP and not self._admitted:
            try:
                since = ensure_accounts(self._settings)
            except (subprocess.SubprocessError, ValueError, IndexError) as problem:
                say(f"in step, but accounts could not be checked: {type(problem).__name__}")
                return False
            self._directory.has_history()
            self._node = self._node._replace(since=since)
            self._admitted = True
        self._node = self._node._replace(view=self._directory.view())
        phase = notified_phase(text, admitted=self._admitted)
        say(f"{phase} (view {self._node.view}, in step since {self._node.since})")
        return True

    def _give_up(self, now: float) -> None:
        """Go on without members whose processes have ended or that stand back, sooner than the engine would.

        Only who is in step does, and only on fresh news: a moment later another life may have the dead one's name.
        """
        while self._gone:
            name, why, heard_at = self._gone.popleft()
            member = member_id(self._hearsay.text(), name)
            if member and self._admitted and now - heard_at < FRESH_NEWS:
                say(f"{name} {why}: going on without it")
                with contextlib.suppress(subprocess.SubprocessError):
                    give_up(member)

    def _give_way(self) -> None:
        """Leave the writing to a region before this one while they do not hear each other, and come back after that."""
        wanted = self._precedence.stands_back
        if wanted == self._stands_back or not self._hearsay.text():
            return
        with contextlib.suppress(subprocess.SubprocessError):
            stand_back(isolated=wanted)
            self._stands_back = wanted
            say(STANDS_BACK if wanted else "hears them again, or nobody does: no longer stands back")

    def _is_stuck(self, now: float) -> bool:
        """Whether nothing comes of this life of the engine.

        It has been outside of the component that it names for OUTCAST seconds; or all nodes have seen each other for
        STUCK seconds while none of them was in step; or this one alone was not, for LEFT_BEHIND seconds.
        """
        text = self._hearsay.text()
        if self._outcast.seconds(is_outcast(text), now) >= OUTCAST:
            return True
        if now < self._look_next or not self._waits_for_others:
            return False
        self._look_next = now + LOOK
        waits = notified_phase(text, admitted=self._admitted) in {STARTING, LOST, JOINING}
        peers = self._ask_peers() if waits else {}
        patience = LEFT_BEHIND * (3 if self._settings.distant else 1)
        return (
            self._hopeless.seconds(waits and hopeless(self._node, peers), now) >= STUCK
            or self._left_behind.seconds(waits and left_behind(peers), now) >= patience
        )

    def _farewell(self, engine: Engine) -> End:
        """Announce the stop, let load balancers act on it, then stop cleanly."""
        self._node = self._node._replace(phase=STOPPING)
        say("stopping")
        if self._admitted:
            time.sleep(FAREWELL)
        engine.end(60.0)
        return End.STOPPED

    def _pause(self) -> None:
        self._stop_asked = stop_asked(TICK) or self._stop_asked


def main() -> None:
    """Run the node of this container."""
    hold_signals()
    settings = read_settings(os.environ)
    keeper = Keeper(settings)
    port.StatePort(keeper.line).start()
    if settings.distant:
        presence.PresencePort().start()
        presence.watch(settings.others, keeper.hear_of_death)
        AnswerPort(keeper.line).start()
        Earshot({**settings.far, ARBITRATOR: settings.arbitrator}, keeper.hear).start()
    sys.exit(keeper.run())
