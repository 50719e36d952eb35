"""`quorate exercise …`: what a student types, and what a teacher does."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markdown import Markdown

from lab.exercises import course, show
from lab.exercises.catalogue import JOURNAL, load
from lab.exercises.grading import bundle, grade_all, write
from lab.exercises.journal import Journal
from lab.lock import only_one
from lab.paths import ROOT

NOT_YET = 1

app = typer.Typer(no_args_is_help=True, help="Exercises that grade themselves: begin with `list`, then `start 1`.")
PIPE_WIDTH = 120
out = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
Which = Annotated[str, typer.Argument(metavar="EXERCISE", help="A number or a name.")]


def register(root: typer.Typer) -> None:
    """Add the verbs to the command."""
    root.add_typer(app, name="exercise")


def _say(sentence: str) -> None:
    out.print(sentence, style="dim", highlight=False, markup=False)


@app.command("list")
def list_() -> None:
    """What there is, and how far you are."""
    journal = Journal(JOURNAL)
    out.print(show.table(load(), journal.student, journal.entries))


@app.command()
def start(
    exercise: Which,
    student: Annotated[str, typer.Option(help="Your name, the first time.")] = "",
    stage: Annotated[int | None, typer.Option(help="A stage of it; else the first that is not passed.")] = None,
) -> None:
    """Begin an exercise, or its next stage: the lab is brought to its start state."""
    if not Journal(JOURNAL).student and not student:
        student = typer.prompt("Your name (it decides your variant, and stands in the report)")
    with only_one():
        place = course.start(exercise, student.strip(), stage, _say)
    _tell(place)


@app.command()
def task() -> None:
    """Say again what is to be done."""
    _tell(course.here())


@app.command()
def predict(
    key: str,
    number: float,
    later: Annotated[bool, typer.Option("--later", help="Leave the measuring to the first check.")] = False,
) -> None:
    """Say what you expect, before it is measured; what is asked of the lab as it is, is measured at once."""
    place = course.predict(key, number)
    out.print(f"You expect {number:g} for {key}.", highlight=False)
    if later or not any(question.now for question in place.stage.predictions):
        return
    with only_one():
        measured = course.measure(_say)
    out.print(show.beside(course.here(), Journal(JOURNAL).entries, measured), highlight=False, end="")


@app.command()
def answer(key: str, text: Annotated[list[str], typer.Argument()]) -> None:
    """Answer a question of the stage."""
    course.answer(key, " ".join(text))
    out.print(f"Your answer to {key} is noted; `quorate exercise check` says whether it is right.", highlight=False)


@app.command()
def hint() -> None:
    """One more hint; each costs a fifth of the stage's points."""
    text, number, count, is_new = course.hint()
    again = "" if is_new else "There are no more. "
    out.print(f"{again}Hint {number} of {count}: {text}", highlight=False, markup=False)


@app.command()
def apply() -> None:
    """Give the lab's parts your files; `check` does that, too."""
    from lab.exercises import files
    from lab.exercises.bench import opened

    place = course.here()
    with only_one(), opened(place.exercise, _say) as bench:
        if not files.apply(bench):
            out.print("The parts have your files already.")


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Measure whether the stage is done. Ends with 0 if so, with 1 if not yet."""
    with only_one():
        place, found = course.check((lambda sentence: None) if as_json else _say)
    passed = all(each.ok for each in found)
    if as_json:
        typer.echo(json.dumps({"passed": passed, "findings": [vars(each) for each in found]}))
    else:
        out.print(show.findings(found))
        out.print(show.after(place, Journal(JOURNAL).entries, passed))
    if not passed:
        raise typer.Exit(NOT_YET)


@app.command()
def reset() -> None:
    """The start state of the stage once more, and its files; yours stay beside them, as NAME.mine."""
    with only_one():
        _tell(course.reset(_say))


@app.command()
def solve() -> None:
    """Carry out the reference solution (your files stay, as NAME.mine); the stage gives no points then."""
    with only_one():
        place = course.solve(_say)
    out.print(f"Solved: stage {place.number} of exercise {place.exercise.number}. `quorate exercise check` shows it.")


@app.command()
def stop() -> None:
    """Leave the exercise: the lab becomes what `make up` leaves; your files stay."""
    with only_one():
        course.stop(_say)
    out.print("The lab is as `make up` leaves it. `quorate exercise start` goes on whenever you like.")


@app.command()
def report(
    to: Annotated[Path | None, typer.Option(help="Where to; else exercises-NAME.json here.")] = None,
) -> None:
    """What you predicted and what was measured, and a bundle for your teacher."""
    journal, exercises = Journal(JOURNAL), load()
    out.print(show.report(exercises, journal.student, journal.entries))
    name = "".join(letter if letter.isalnum() else "-" for letter in journal.student.lower()) or "nobody"
    path = to or ROOT / f"exercises-{name}.json"
    write(path, bundle(journal, exercises))
    out.print(f"The bundle for your teacher: {path}", highlight=False, soft_wrap=True)


@app.command()
def grade(
    bundles: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False)],
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """For teachers: verify bundles, count the points again, make a table. Ends with 1 where one is doubtful."""
    exercises = load()
    grades = grade_all(bundles, exercises)
    if as_json:
        rows = [vars(each) | {"total": each.total} for each in grades]
        typer.echo(json.dumps(rows, indent=1))
    else:
        out.print(show.grades(grades, exercises))
    if any(each.doubts for each in grades):
        raise typer.Exit(NOT_YET)


def _tell(place: course.Place) -> None:
    out.print(Markdown(show.task(place)))
