"""An exercise as its `exercise.yaml` tells it. Pure: parsing takes values and returns values, or says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.errors import BadNameError, LabError

#: One thing to do or to look at: a word of the library, and what it needs to know.
Step = tuple[str, Any]

HINT_COST = 0.2
"""The share of a stage's points that each hint costs."""


@dataclass(frozen=True)
class Question:
    """Something that the student is asked, and what is right; "" where it is a number to be measured.

    `now`: the number is about the start state, and measured as soon as it was predicted.
    """

    key: str
    ask: str
    right: str = ""
    now: bool = False


@dataclass(frozen=True)
class Stage:
    """One step of an exercise: a state to begin with, a task, and what must be true in the end."""

    title: str
    task: str
    points: int
    start: tuple[Step, ...]
    checks: tuple[Step, ...]
    solution: tuple[Step, ...]
    hints: tuple[str, ...] = ()
    predictions: tuple[Question, ...] = ()
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """One exercise. `files` are the names of what the student works on; `vary` what differs from student to student."""

    number: int
    name: str
    title: str
    minutes: int
    regions: int
    stages: tuple[Stage, ...]
    files: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # name -> parts that get it, if any do
    vary: Mapping[str, Sequence[Mapping[str, str]]] = field(default_factory=dict)
    clean: tuple[Step, ...] = ()

    @property
    def points(self) -> int:
        """What can be got."""
        return sum(stage.points for stage in self.stages)


def parse(folder: str, raw: Any) -> Exercise:
    """An exercise out of its file's content. Raises LabError, which names the file and what is wrong in it."""
    found = re.fullmatch(r"(\d\d)-([a-z][a-z-]*)", folder)
    if found is None:
        raise LabError(f"exercises/{folder}: a folder of an exercise is named like 03-keepalived.")
    try:
        return Exercise(
            number=int(found[1]),
            name=found[2],
            title=str(raw["title"]),
            minutes=int(raw["minutes"]),
            regions=int(raw.get("regions", 1)),
            stages=tuple(_stage(each) for each in raw["stages"]),
            files={name: tuple(parts or ()) for name, parts in (raw.get("files") or {}).items()},
            vary={name: [_texts(each) for each in choices] for name, choices in (raw.get("vary") or {}).items()},
            clean=_steps(raw.get("clean")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise LabError(f"exercises/{folder}/exercise.yaml: {what}.") from error


def _stage(raw: Mapping[str, Any]) -> Stage:
    checks = _steps(raw["checks"])
    if not checks:
        raise ValueError("a stage without checks can't be passed")
    return Stage(
        title=str(raw["title"]),
        task=str(raw["task"]).strip(),
        points=int(raw.get("points", 10)),
        start=_steps(raw.get("start")),
        checks=checks,
        solution=_steps(raw["solution"]),
        hints=tuple(str(hint).strip() for hint in raw.get("hints") or ()),
        predictions=tuple(_prediction(key, raw) for key, raw in (raw.get("predict") or {}).items()),
        questions=tuple(
            Question(key, str(each["ask"]).strip(), str(each["is"])) for key, each in (raw.get("answer") or {}).items()
        ),
    )


def _prediction(key: str, raw: Any) -> Question:
    """A sentence, or `{now: a sentence}`."""
    now = isinstance(raw, Mapping)
    return Question(key, str(raw["now"] if now else raw).strip(), now=now)


def _steps(raw: Any) -> tuple[Step, ...]:
    found: list[Step] = []
    for each in raw or ():
        if not isinstance(each, Mapping) or len(each) != 1:
            raise ValueError(f"{each!r} is not one word with what it needs")
        found.extend(each.items())
    return tuple(found)


def _texts(raw: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in raw.items()}


def find(exercises: Sequence[Exercise], wanted: str) -> Exercise:
    """The exercise of that number or name. Raises BadNameError."""
    for each in exercises:
        if wanted in (str(each.number), f"{each.number:02}", each.name, f"{each.number:02}-{each.name}"):
            return each
    known = ", ".join(f"{each.number} ({each.name})" for each in exercises)
    raise BadNameError(f"There is no exercise {wanted!r}. There are: {known}.")
