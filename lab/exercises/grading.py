"""A student's bundle, and what a teacher's `grade` makes of many: verified, replayed, tabulated. Pure but for files."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.exercises.catalogue import digest
from lab.exercises.journal import Entry, Journal, broken_at, of, read
from lab.exercises.model import Exercise
from lab.exercises.standing import of_exercise
from lab.exercises.variation import for_student, values
from lab.paths import write_private

FORMAT = "quorate exercises 1"


@dataclass(frozen=True)
class Grade:
    """What one bundle is worth: points by exercise, and what is odd about it."""

    file: str
    student: str
    points: dict[int, int]
    doubts: tuple[str, ...] = ()

    @property
    def total(self) -> int:
        """All points, none for a bundle that is none."""
        return sum(self.points.values())


def bundle(journal: Journal, exercises: Sequence[Exercise]) -> dict[str, Any]:
    """Everything that a teacher needs: the journal, and what this student's exercises asked for."""
    begun = [each for each in exercises if of(journal.entries, each.number)]
    return {
        "format": FORMAT,
        "made": time.time(),
        **journal.as_json(),
        "values": {str(each.number): values(each, journal.student) for each in begun},
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Write a bundle down."""
    write_private(path, json.dumps(content, indent=1) + "\n")


def grade(file: str, text: str, exercises: Sequence[Exercise], digests: dict[int, str]) -> Grade:
    """Verify one bundle and count its points again. Pure. What can't be read gives none, and says so."""
    try:
        raw = json.loads(text)
        if not isinstance(raw, dict) or raw.get("format") != FORMAT:
            raise ValueError("it is no bundle of this course")
        student, entries = read(raw)
        doubts = _doubts(raw, student, entries, exercises, digests)
        points = {
            each.number: sum(stage.points for stage in of_exercise(for_student(each, student), entries))
            for each in exercises
            if of(entries, each.number)
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return Grade(file, "?", {}, (f"unreadable: {error}",))
    return Grade(file, student, points, tuple(doubts))


def _doubts(
    raw: dict[str, Any],
    student: str,
    entries: Sequence[Entry],
    exercises: Sequence[Exercise],
    digests: dict[int, str],
) -> list[str]:
    found = []
    place = broken_at(student, entries)
    if place is not None:
        found.append(f"the journal was changed at entry {place}")
    for each in exercises:
        own = of(entries, each.number)
        if not own:
            continue
        if (raw.get("values") or {}).get(str(each.number)) != values(each, student):
            found.append(f"exercise {each.number} was not this student's own variant")
        used = {entry.values.get("digest") for entry in own if entry.what == "start"}
        if used != {digests[each.number]}:
            found.append(f"exercise {each.number} was done with other files than these")
        found += _hasty(each, own)
    return found


def _hasty(exercise: Exercise, own: Sequence[Entry]) -> list[str]:
    """A check that passed without a moment between it and the stage's start."""
    found = []
    for number in range(1, len(exercise.stages) + 1):
        begun = [entry.at for entry in own if entry.stage == number and entry.what == "start"]
        passed = [e.at for e in own if e.stage == number and e.what == "check" and e.values.get("passed")]
        if passed and (not begun or passed[0] < begun[0]):
            found.append(f"exercise {exercise.number}, stage {number} was passed before it was begun")
    return found


def alike(bundles: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Files (given with their texts) that share a measurement of the same instant: one of them is a copy."""
    seen: dict[str, list[str]] = {}
    for file, text in bundles:
        try:
            _, entries = read(json.loads(text))
        except ValueError:
            continue
        for entry in entries:
            if entry.what == "check":
                seen.setdefault(f"{entry.at} {json.dumps(entry.values, sort_keys=True)}", []).append(file)
    pairs: dict[str, list[str]] = {}
    for files in seen.values():
        for file in files if len(set(files)) > 1 else ():
            pairs.setdefault(file, []).extend(other for other in files if other != file)
    return {file: sorted(Counter(others)) for file, others in pairs.items()}


def grade_all(paths: Sequence[Path], exercises: Sequence[Exercise]) -> list[Grade]:
    """Every bundle's grade, by student. Raises LabError where a file can't be read at all."""
    digests = {each.number: digest(each) for each in exercises}
    texts = {}
    for path in paths:
        try:
            texts[str(path)] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LabError(f"{path} can't be read: {error}.") from error
    copies = alike(texts.items())
    found = []
    for file, text in texts.items():
        one = grade(file, text, exercises, digests)
        others = [f"shares measurements with {other}" for other in copies.get(file, [])]
        found.append(Grade(one.file, one.student, one.points, (*one.doubts, *others)))
    return sorted(found, key=lambda each: each.student)
