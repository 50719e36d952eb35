"""The live picture of a run in a terminal: a strip for each lane, the parts that lead, the story. Pure drawing."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.watch.recorder import Recorder
from lab.watch.run import Event, LaneSummary, Operation, Run, Tone
from lab.watch.strip import Mark, strip

BUCKET = 0.5
COLOURS = {Mark.SERVED: "green", Mark.MIXED: "yellow", Mark.SILENT: "dim", Mark.GAP: "bold red", Mark.BEFORE: "dim"}
TONES = {Tone.HARM: ("▼", "red"), Tone.HELP: ("▲", "green"), Tone.CHANGE: ("◆", "cyan")}
RULINGS = {"valid": "green", "invalid": "bold red", "unknown": "yellow"}
FIXED, LEAST = 62, 10


def live(recorder: Recorder, headline: str, width: int, sentences: int) -> RenderableType:
    """One frame."""
    now, operations = recorder.now, recorder.operations
    strips = max(LEAST, width - FIXED)
    table = Table(box=None, padding=(0, 1, 0, 0), expand=False)
    for title in ("", f"the last {strips * BUCKET:.0f} s", "now", "longest gap", "failed"):
        table.add_column(title, no_wrap=True, justify="right" if title in ("longest gap", "failed") else "left")
    for summary in recorder.summaries():
        own = [one for one in operations if one.lane == summary.name]
        marks = strip(own, recorder.calm[summary.name], now, strips, BUCKET)
        table.add_row(summary.name, _coloured(marks), _present(summary, own), _gap(summary), _failures(summary))
    legend = Text("█ served  ▓ some failed  ✗ nobody was served  · nothing asked", style="dim")
    return Group(Text(headline, style="bold"), table, legend, Text(), story(recorder.events[-sentences:]))


def _coloured(marks: Sequence[Mark]) -> Text:
    text = Text()
    for mark in marks:
        text.append(str(mark), style=COLOURS[mark])
    return text


def _present(summary: LaneSummary, own: Sequence[Operation]) -> Text:
    if summary.gaps and not summary.gaps[-1].closed:
        return Text(f"silent for {summary.gaps[-1].seconds:.1f} s", style="bold red")
    if not own:
        return Text("begins", style="dim")
    return Text(f"{1000 * summary.median:.0f} ms" if summary.median else "answers", style="green")


def _gap(summary: LaneSummary) -> Text:
    return Text(f"{summary.longest_gap:.2f} s", style="bold") if summary.gaps else Text("none", style="dim")


def _failures(summary: LaneSummary) -> Text:
    count = summary.failed + summary.unknown
    return Text(str(count), style="yellow" if count else "dim")


def story(events: Sequence[Event]) -> RenderableType:
    """Sentences by time."""
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    for _ in range(4):
        table.add_column(no_wrap=False)
    for event in events:
        shape, colour = TONES[event.tone]
        table.add_row(Text(f"{event.at:7.2f} s", style="dim"), Text(shape, style=colour), event.who, event.says)
    return table


def result(run: Run) -> RenderableType:
    """The table at the end, and the verdict."""
    table = Table(title=f"{run.lab}, {run.seconds:.0f} s", title_justify="left", box=None, padding=(0, 1, 0, 0))
    titles = ("asked", "failed", "unknown", "median", "max gap", "downtime", "MTTR", "degraded", "served")
    for title in ("function", *titles):
        table.add_column(title, justify="left" if title == "function" else "right")
    for lane in run.lanes:
        share = 100 * (1 - lane.downtime / run.seconds) if run.seconds else 100.0
        table.add_row(
            lane.name,
            str(lane.operations),
            str(lane.failed),
            str(lane.unknown),
            f"{1000 * lane.median:.0f} ms",
            f"{lane.longest_gap:.2f} s" if lane.gaps else "none",
            f"{lane.downtime:.2f} s" if lane.gaps else "none",
            f"{lane.mttr:.2f} s" if lane.mttr else "none",
            f"{100 * lane.degraded:.1f} %",
            f"{share:.2f} %",
        )
    ruling = Text.assemble("The verdict: ", (run.judgement.ruling, RULINGS[run.judgement.ruling]), ".")
    reasons = [Text(f"  {reason}") for reason in run.judgement.reasons]
    looked = Text(f"Looked for: {'; '.join(run.judgement.checked)}.", style="dim") if run.judgement.checked else Text()
    return Group(table, Text(), ruling, *reasons, looked)
