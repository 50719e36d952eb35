"""What the commands print. Pure drawing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from lab.exercises.catalogue import folder
from lab.exercises.course import Place
from lab.exercises.findings import Finding
from lab.exercises.grading import Grade
from lab.exercises.journal import Entry
from lab.exercises.model import Exercise
from lab.exercises.standing import of_exercise, of_stage

NOTHING = "-"


def table(exercises: Sequence[Exercise], student: str, entries: Sequence[Entry]) -> RenderableType:
    """All exercises, and how far the student is."""
    found = _table("exercise", "", "minutes", "stages", "points")
    for each in exercises:
        standing = of_exercise(each, entries)
        passed = sum(stage.passed for stage in standing)
        mark = "✓" if passed == len(each.stages) else "…" if any(stage.attempts for stage in standing) else ""
        needs = " (two regions)" if each.regions > 1 else ""
        points = f"{sum(stage.points for stage in standing)} of {each.points}"
        found.add_row(f"{each.number:2} {each.name}", f"{each.title}{needs}", str(each.minutes),
                      f"{passed} of {len(each.stages)} {mark}", points)  # fmt: skip
    who = f"Student: {student}." if student else "`quorate exercise start 1` begins."
    return Group(found, Text(f"\n{who} Read exercises/NN-name/README.md first.", style="dim"))


def task(place: Place) -> str:
    """A stage's task, in Markdown."""
    stage, exercise = place.stage, place.exercise
    lines = [f"## Exercise {exercise.number}: {exercise.title}", ""]
    lines += [f"**Stage {place.number} of {len(exercise.stages)}: {stage.title}** ({stage.points} points)", ""]
    lines += [stage.task, ""]
    if exercise.files:
        lines += [f"Your files are in `work/{folder(exercise)}/`: {', '.join(exercise.files)}.", ""]
    if stage.predictions:
        lines += ["Predict before you measure:", ""]
        lines += [f"- {each.ask} `quorate exercise predict {each.key} NUMBER`" for each in stage.predictions]
        lines.append("")
    if any(question.now for question in stage.predictions):
        lines += ["That is measured at once, on the lab as it is now; only then mend it.", ""]
    if stage.questions:
        lines += ["Find out:", ""]
        lines += [f"- {each.ask} `quorate exercise answer {each.key} …`" for each in stage.questions]
        lines.append("")
    lines.append(
        "Then `quorate exercise check`, as often as you like: one that fails costs nothing. Stuck: `hint`; from the "
        "beginning: `reset`."
    )
    return "\n".join(lines)


def findings(found: Sequence[Finding]) -> RenderableType:
    """What a check found, a line each."""
    text = Text()
    for each in found:
        text.append("  ✓ " if each.ok else "  ✗ ", style="green" if each.ok else "bold red")
        # What is asked for stands behind the semicolon: of no interest once it is so.
        text.append(f"{each.says.partition('; ')[0] if each.ok else each.says}\n")
    return text


def beside(place: Place, entries: Sequence[Entry], measured: Mapping[str, float]) -> Text:
    """What was predicted beside what was measured at first, and what is measured now, a line each."""
    standing = of_stage(place.exercise, place.number, entries)
    text = Text()
    for key, number in standing.predicted.items():
        if key in measured:
            first, last = standing.measured_first[key], measured[key]
            says = f"{last:g}" if first == last else f"{first:g} at first, {last:g} now"
            text.append(f"You predicted {number:g} for {key}; measured: {says}.\n")
    return text


def after(place: Place, entries: Sequence[Entry], passed: bool) -> RenderableType:
    """What to do next, and how the predictions did."""
    standing = of_stage(place.exercise, place.number, entries)
    text = Text() if standing.solved else beside(place, entries, standing.measured_last)
    if not passed:
        text.append("Not yet.", style="bold")
        return text
    text.append(f"Stage {place.number} is done: {standing.points} of {place.stage.points} points. ", style="bold green")
    if place.number < len(place.exercise.stages):
        text.append(f"`quorate exercise start {place.exercise.number}` begins stage {place.number + 1}.")
    else:
        text.append("That was the last stage; `quorate exercise stop` makes the lab whole, `list` shows what is next.")
    return text


def report(exercises: Sequence[Exercise], student: str, entries: Sequence[Entry]) -> RenderableType:
    """Predictions beside measurements, and points."""
    found = _table("stage", "predicted", "first measured", "last measured", "attempts", "hints", "points")
    for each in exercises:
        for standing in of_exercise(each, entries):
            if not (standing.attempts or standing.predicted or standing.solved):
                continue
            found.add_row(
                f"{each.number}.{standing.stage} {each.stages[standing.stage - 1].title}",
                _numbers(standing.predicted) if not standing.solved else NOTHING,
                _numbers(_of(standing.predicted, standing.measured_first)),
                _numbers(_of(standing.predicted, standing.measured_last)),
                str(standing.attempts),
                "solved" if standing.solved else str(standing.hints),
                f"{standing.points} of {each.stages[standing.stage - 1].points}",
            )
    total = sum(stage.points for each in exercises for stage in of_exercise(each, entries))
    return Group(found, Text(f"\n{student or 'Nobody'}: {total} of {sum(each.points for each in exercises)} points."))


def grades(found: Sequence[Grade], exercises: Sequence[Exercise]) -> RenderableType:
    """A teacher's table."""
    drawn = _table("student", *(str(each.number) for each in exercises), "total", "doubts")
    for each in found:
        points = [str(each.points.get(one.number, NOTHING)) for one in exercises]
        drawn.add_row(each.student, *points, str(each.total), "; ".join(each.doubts))
    best = sum(each.points for each in exercises)
    return Group(drawn, Text(f"\n{len(found)} bundles; {best} points can be got.", style="dim"))


def _table(*titles: str) -> Table:
    found = Table(box=None, padding=(0, 2, 0, 0))
    for title in titles:
        found.add_column(title)
    return found


def _of(keys: Iterable[str], values: Mapping[str, float]) -> dict[str, float]:
    return {key: values[key] for key in keys if key in values}


def _numbers(values: Mapping[str, float]) -> str:
    return ", ".join(f"{key} {value:g}" for key, value in values.items()) or NOTHING
