"""Watch and notify: clients that have an image open are told when its header changes. Kept in memory only.

A new interval forgets all watches; clients register again with the new primary, and look at the object then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from storage.messages import ClientReply, Notification, NotificationAck

if TYPE_CHECKING:
    from storage.osd.placement_group import PlacementGroup
    from storage.osd.serving import Request
    from storage.osd.surroundings import Session


@dataclass
class Pending:
    """A notification that not all watchers have acknowledged."""

    request: Request
    waiting: set[str]
    until: float
    acknowledged: list[str] = field(default_factory=list)


class Watches:
    """Who watches which object of a group."""

    def __init__(self, group: PlacementGroup) -> None:
        self.group = group
        self._watchers: dict[str, dict[str, Session]] = {}
        self._pending: dict[int, Pending] = {}
        self._numbers = count(1)

    def reset(self) -> None:
        """A new interval: watchers and notifiers come again."""
        pending, self._pending = self._pending, {}
        watchers, self._watchers = self._watchers, {}
        for notification in pending.values():
            self.group.serving.again(notification.request)
        for name, sessions in watchers.items():
            for session in sessions.values():
                session.send(Notification(self.group.pg, name, 0))

    def handle(self, request: Request) -> None:
        """watch, unwatch, notify."""
        session, op = request.session, request.op
        watchers = self._watchers.setdefault(op.name, {})
        if op.kind == "watch":
            watchers[session.name] = session
        elif op.kind == "unwatch":
            watchers.pop(session.name, None)
        elif watchers:
            self._notify(request, watchers)
            return
        if not watchers:
            del self._watchers[op.name]
        session.send(ClientReply(op.number, "", self.group.osd.epoch))

    def _notify(self, request: Request, watchers: dict[str, Session]) -> None:
        number = next(self._numbers)
        until = self.group.osd.now() + request.op.length / 1000
        self._pending[number] = Pending(request, set(watchers), until)
        for session in watchers.values():
            session.send(Notification(self.group.pg, request.op.name, number), [request.data] if request.data else [])

    def acknowledged(self, session: Session, message: NotificationAck) -> None:
        """A watcher has acted."""
        pending = self._pending.get(message.number)
        if pending is not None and session.name in pending.waiting:
            pending.waiting.discard(session.name)
            pending.acknowledged.append(session.name)
            self._finish(message.number)

    def closed(self, session: Session) -> None:
        """A client's connection is gone: it will register again, if it lives."""
        for name, watchers in list(self._watchers.items()):
            if watchers.get(session.name) is session:
                del watchers[session.name]
                if not watchers:
                    del self._watchers[name]

    def tick(self, now: float) -> None:
        """Answer notifiers whose time is over."""
        for number in [number for number, pending in self._pending.items() if now >= pending.until]:
            self._finish(number, late=True)

    def _finish(self, number: int, *, late: bool = False) -> None:
        pending = self._pending[number]
        if pending.waiting and not late:
            return
        del self._pending[number]
        reply = ClientReply(
            pending.request.op.number, "", self.group.osd.epoch,
            names=tuple(sorted(pending.acknowledged)), missed=tuple(sorted(pending.waiting)),
        )  # fmt: skip
        pending.request.session.send(reply)
