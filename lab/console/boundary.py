"""What the console needs of a lab."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from lab.console.snapshot import Snapshot
from lab.watch.recorder import Recorder
from lab.watch.run import Run


class Lab(Protocol):
    """A lab that can be looked at, broken, mended and watched. Every call may raise LabError, and takes a while."""

    @property
    def name(self) -> str:
        """Of the lab."""
        ...

    def look(self) -> Snapshot:
        """Ask every part."""
        ...

    def strike(self, kind: str, selectors: Sequence[str], seconds: float) -> str:
        """Break parts for so long; says what was done."""
        ...

    def spoil_way(self, fault: str, seconds: float) -> str:
        """`cut`, `slow` or `loss` on the way between the regions for so long; says what was done."""
        ...

    def heal(self) -> list[str]:
        """Undo every fault; a sentence for each thing that was done."""
        ...

    def watch(self, site: str, ended: threading.Event, hear: Callable[[Recorder], None]) -> Run:
        """One run of watching a region, until `ended`; `hear` gets the recorder as soon as all lanes run."""
        ...
