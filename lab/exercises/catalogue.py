"""Where exercises lie: `exercises/NN-name/` for what is given, `work/NN-name/` for what the student makes of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import yaml

from lab.errors import LabError
from lab.exercises.model import Exercise, parse
from lab.exercises.variation import filled, values
from lab.paths import ROOT, VAR

GIVEN = ROOT / "exercises"
WORK = ROOT / "work"
JOURNAL = VAR / "exercises" / "journal.json"


def folder(exercise: Exercise) -> str:
    """An exercise's folder, both given and worked on."""
    return f"{exercise.number:02}-{exercise.name}"


def load(given: Path = GIVEN) -> list[Exercise]:
    """All exercises, by number. Raises LabError."""
    found = []
    for path in sorted(given.glob("[0-9][0-9]-*/exercise.yaml")):
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as error:
            raise LabError(f"{path} can't be read: {error}.") from error
        found.append(parse(path.parent.name, raw))
    return found


def digest(exercise: Exercise, given: Path = GIVEN) -> str:
    """One value for all that an exercise's folder holds: who grades sees whether it was changed."""
    summary = hashlib.sha256()
    for path in sorted(path for path in (given / folder(exercise)).rglob("*") if path.is_file()):
        if path.suffix not in {".pyc", ".md"}:
            summary.update(path.name.encode() + b"\0" + path.read_bytes())
    return summary.hexdigest()[:16]


def begin_work(
    exercise: Exercise, stage: int, student: str, *, anew: bool, given: Path = GIVEN, work: Path = WORK
) -> list[Path]:
    """Lay the exercise's files out for a student, those that are there already only if asked; returns them."""
    place = work / folder(exercise)
    place.mkdir(parents=True, exist_ok=True)
    laid = []
    for name in exercise.files:
        source = _first(given / folder(exercise), [f"start-{stage}/{name}", f"start/{name}"])
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if anew or not target.exists():
            _copy(source, target, values(exercise, student))
        laid.append(target)
    return laid


def has_own_files(exercise: Exercise, stage: int, given: Path = GIVEN) -> bool:
    """Whether a stage begins with files of its own, or goes on with what the student made in the one before."""
    return (given / folder(exercise) / f"start-{stage}").is_dir()


def solve_work(exercise: Exercise, stage: int, student: str, *, given: Path = GIVEN, work: Path = WORK) -> None:
    """Put the reference solution's files in the place of the student's."""
    for name in exercise.files:
        source = _first(given / folder(exercise), [f"solution-{stage}/{name}", f"solution/{name}"])
        _copy(source, work / folder(exercise) / name, values(exercise, student))


def _copy(source: Path, target: Path, chosen: Mapping[str, str]) -> None:
    """Fill a file in for a student; what the student had made of it stays beside it."""
    text = filled(source.read_text(encoding="utf-8"), chosen)
    if target.exists() and target.read_text(encoding="utf-8", errors="replace") != text:
        target.replace(target.with_name(f"{target.name}.mine"))
    target.write_text(text, encoding="utf-8")


def _first(place: Path, names: list[str]) -> Path:
    for name in names:
        if (place / name).exists():
            return place / name
    raise LabError(f"{place} has none of {', '.join(names)}.")
