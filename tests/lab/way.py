"""The way between the sites, as trials break it."""

from collections.abc import Mapping

from lab import wan_wish
from lab.containers import LabEngine
from lab.wan import Wan
from lab.wan_wish import Link


class Way:
    """Faults on links, which are pairs of sites (`one-two`) or a site (from everything)."""

    def __init__(self, engine: LabEngine) -> None:
        self._wan = Wan(engine)

    def cut(self, *links: str) -> None:
        """Let nothing through on these links, and all through elsewhere."""
        wanted: Mapping[str, Link] = {}
        for link in links:
            wanted = wan_wish.changed(wanted, link, cut=True)
        self._wan.apply(wanted)

    def slow(self, milliseconds: float, link: str) -> None:
        """Delay each packet so long, each way."""
        self._wan.apply(wan_wish.changed({}, link, delay_ms=milliseconds))

    def heal(self) -> None:
        """Undo all of it."""
        self._wan.apply({})

    def round_trip(self, link: str) -> float:
        """The median time of an echo between two sites, measured now, in seconds."""
        reports = {report.pair: report.measured for report in self._wan.measure(self._wan.show()["links"])}
        measured = reports[link]
        assert measured is not None, f"{link} can't be measured"
        return measured.median / 1000
