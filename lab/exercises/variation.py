"""What differs from student to student: each gets names, targets and numbers that follow from their own name. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from lab.errors import LabError
from lab.exercises.model import Exercise, Question, Stage

T = TypeVar("T")


def values(exercise: Exercise, student: str) -> dict[str, str]:
    """One alternative of everything that varies, always the same for the same student and exercise."""
    chosen: dict[str, str] = {"student": student, "tag": _number(student, exercise.name, "tag")[:4]}
    for name, choices in sorted(exercise.vary.items()):
        chosen |= choices[int(_number(student, exercise.name, name), 16) % len(choices)]
    return chosen


def for_student(exercise: Exercise, student: str) -> Exercise:
    """The exercise as this student has it. Raises LabError where a text wants a value that nothing gives."""
    chosen = values(exercise, student)
    return replace(
        exercise,
        stages=tuple(_stage(stage, chosen) for stage in exercise.stages),
        clean=filled(exercise.clean, chosen),
    )


def filled(value: T, chosen: Mapping[str, str]) -> T:
    """Texts, however deep in lists and mappings, with `{{name}}` replaced by what was chosen."""
    return _filled(value, chosen)  # type: ignore[no-any-return]


def _filled(value: Any, chosen: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return re.sub(r"\{\{(\w+)\}\}", lambda found: _chosen(found[1], chosen), value)
    if isinstance(value, Mapping):
        return {_filled(key, chosen): _filled(each, chosen) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_filled(each, chosen) for each in value)
    return value


def _chosen(name: str, chosen: Mapping[str, str]) -> str:
    if name not in chosen:
        raise LabError(f"The exercise names {{{{{name}}}}}, and nothing in its `vary` gives that.")
    return chosen[name]


def _stage(stage: Stage, chosen: Mapping[str, str]) -> Stage:
    return replace(
        stage,
        title=filled(stage.title, chosen),
        task=filled(stage.task, chosen),
        start=filled(stage.start, chosen),
        checks=filled(stage.checks, chosen),
        solution=filled(stage.solution, chosen),
        hints=filled(stage.hints, chosen),
        predictions=tuple(_question(each, chosen) for each in stage.predictions),
        questions=tuple(_question(each, chosen) for each in stage.questions),
    )


def _question(question: Question, chosen: Mapping[str, str]) -> Question:
    return replace(question, ask=filled(question.ask, chosen), right=filled(question.right, chosen))


def _number(student: str, exercise: str, purpose: str) -> str:
    return hashlib.sha256(f"{purpose}:{exercise}:{student}".encode()).hexdigest()[:12]
