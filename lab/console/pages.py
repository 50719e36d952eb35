"""The page and its pieces, out of values. Whatever a lab or its services said is shown as text. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from lab.console import compare
from lab.console.guard import HEADER
from lab.console.lane_views import MARKS
from lab.console.marks import SIGNS
from lab.console.picture import Lit, picture
from lab.console.source import Seen
from lab.console.watching import Phase, WatchView
from lab.console.ways import ALL_LANES
from lab.leases.lease import Lease
from lab.status_model import Verdict
from lab.watch.page import UNPRINTABLE
from lab.watch.run import Run
from lab.watch.timeline import SIGNS as TONES

STALE = 5.0  # seconds after which a look is said to be old
MOST_EVENTS = 60
RULINGS = {"valid": "✓", "invalid": "✗"}
VERDICTS = {Verdict.REDUNDANT: "✓", Verdict.SERVING: "!", Verdict.FAILING: "✗"}
#: What can be struck by what it does, whatever its name is now.
TARGETS = (
    ("the active load balancer", "lb:active"),
    ("the database's writer", "galera:writer"),
    ("the queue's leader", "rabbitmq:leader"),
    ("a stateless part, any", "random:stateless"),
)
KINDS = (("kill", "Kill"), ("pause", "Pause"), ("isolate", "Cut off"))
SECONDS = (10, 20, 30, 60)


class Pages:
    """Draws with the templates beside this module."""

    def __init__(self, lab: str, page_secret: str) -> None:
        templates = FileSystemLoader(Path(__file__).with_name("templates"))
        self._environment = Environment(
            loader=templates, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._environment.globals |= {
            "lab": lab,
            "secret": page_secret,
            "header": HEADER,
            "signs": SIGNS,
            "tones": TONES,
            "rulings": RULINGS,
            "marks": MARKS,
        }

    def page(self, seen: Seen, watch: WatchView, now: float) -> str:
        """All of it, as it is now."""
        regions = seen.snapshot.sites if seen.snapshot is not None else ("one", "two")
        return self._drawn(
            "page.html",
            pieces=self.pieces(seen, watch, now, 0.0),
            lanes=ALL_LANES,
            targets=TARGETS,
            kinds=KINDS,
            seconds=SECONDS,
            regions=regions,
        )

    def pieces(self, seen: Seen, watch: WatchView, now: float, clock: float) -> dict[str, str]:
        """What changes, by the name that the page knows it by; `now` is monotonic, `clock` Unix time."""
        snapshot = seen.snapshot
        lit = Lit(watch.site, _states(watch))
        is_old = snapshot is not None and (bool(seen.trouble) or now - seen.at > STALE)
        age = f"{(now - seen.at) // STALE * STALE:.0f} s ago" if is_old else ""  # not a new sentence each second
        faults = snapshot.faults if snapshot is not None else ()
        return {
            "headline": self._drawn("headline.html", snapshot=snapshot, verdicts=VERDICTS),
            "notice": self._drawn("notice.html", trouble=seen.trouble, age=age),
            "picture": clean(picture(snapshot, lit)) if snapshot is not None else self._drawn("nothing.html"),
            "controls": self._drawn("controls.html", phase=watch.phase.value, is_idle=watch.phase is Phase.IDLE),
            "clock": self._drawn("clock.html", watch=watch),
            "lanes": self._drawn("lanes.html", views=_by_name(watch), names=ALL_LANES),
            "story": self._drawn("story.html", watch=watch, events=_newest(watch), ended=_ended(watch)),
            "faults": self._drawn("faults.html", faults=_in_force(faults, clock)),
        }

    def said(self, sentence: str, *, is_refusal: bool = False) -> str:
        """What came of a button."""
        return self._drawn("said.html", sentence=sentence, is_refusal=is_refusal)

    def runs(self, kept: Mapping[str, Run], chosen: Sequence[str]) -> str:
        """The runs that are kept, and two of them side by side."""
        beside = [(name, kept[name]) for name in chosen if name in kept]
        comparison = compare.side_by_side([run for _, run in beside])
        return self._drawn("runs.html", kept=kept, beside=beside, comparison=comparison, when=when)

    def _drawn(self, template: str, **values: Any) -> str:
        return clean(self._environment.get_template(template).render(**values))


def clean(text: str) -> str:
    """Without control characters and halves of characters, which may come from any answer."""
    return UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def when(started: str) -> str:
    """A time for people, if it is one at all."""
    try:
        return f"{datetime.fromisoformat(started):%d %b %Y, %H:%M:%S} UTC"
    except ValueError:
        return started


def _states(watch: WatchView) -> dict[str, str]:
    """How each lane's way is to be drawn; what is not watched can be shown all the same."""
    states = dict.fromkeys(ALL_LANES, "idle")
    if watch.phase is Phase.RUNNING:
        states |= {view.name: view.state for view in watch.lanes}
    return states


def _by_name(watch: WatchView) -> dict[str, object]:
    return {view.name: view for view in watch.lanes}


def _newest(watch: WatchView) -> list[object]:
    return list(watch.events[::-1][:MOST_EVENTS])


def _ended(watch: WatchView) -> Run | None:
    return watch.finished if watch.phase is Phase.IDLE else None


def _in_force(faults: Sequence[Lease], clock: float) -> list[tuple[str, int]]:
    return [
        (f"{lease.kind}{f' {lease.detail}' if lease.detail else ''} {', '.join(lease.labels)}", round(left))
        for lease in faults
        if (left := lease.until - clock) > 0
    ]
