"""What an OSD needs of the world around it: time, the wire, the monitors. Sockets in the daemon, a model in tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.messages import Message

Buffer = bytes | bytearray | memoryview


class Session(Protocol):
    """A client's connection; `name` is the client's id."""

    @property
    def name(self) -> str: ...
    def send(self, message: Message, data: Sequence[Buffer] = ()) -> None: ...


class Surroundings(Protocol):
    """Messages may be lost; those that arrive on one connection arrive in order."""

    def now(self) -> float:
        """Seconds on a clock that only goes forward and that nobody else reads."""
        ...

    def wall(self) -> float:
        """Unix time, for people."""
        ...

    def send(self, osd: int, message: Message, data: Sequence[Buffer] = ()) -> None:
        """To another OSD, if it can be reached."""
        ...

    def tell_monitors(self, message: Message) -> None:
        """To every monitor that can be reached."""
        ...

    def say(self, sentence: str) -> None:
        """One sentence for the log: what was decided and why."""
        ...


@dataclass(frozen=True)
class OsdSettings:
    """How long an OSD waits for what, seconds."""

    #: For so long a replica promises to join no later interval; a primary reads by itself meanwhile.
    lease: float = 0.6
    ping_every: float = 0.15
    #: Without a sign of life for so long, another OSD is reported to the monitors.
    grace: float = 1.5
    #: A request to another OSD that is unanswered for so long is sent again.
    resend: float = 1.0
    #: Objects in recovery at a time.
    recoveries: int = 4
    #: Between scrubs of a placement group, and between those that read all data.
    scrub_every: float = 3600.0
    deep_scrub_every: float = 86400.0
