"""Runs on disk: `var/runs/<time>/` has the history, the summary and the page; `var/runs/latest` leads to the last."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.paths import VAR
from lab.watch.run import Event, Gap, Judgement, LaneSummary, Run, Tone

DIRECTORY = VAR / "runs"
LATEST = "latest"
PAGE = "timeline.html"
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z+-]{0,63}")


def keep(run: Run, page: str, directory: Path = DIRECTORY) -> Path:
    """Write a run down; returns where."""
    place = directory / run.started.replace(":", "").replace("+0000", "Z")
    place.mkdir(parents=True, exist_ok=True)
    (place / "run.json").write_text(json.dumps(run.as_json(), indent=1, default=str) + "\n", encoding="utf-8")
    lines = (json.dumps(asdict(operation)) for operation in run.operations)
    (place / "history.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (place / PAGE).write_text(page, encoding="utf-8")
    draft = directory / f".{LATEST}.new"
    draft.unlink(missing_ok=True)
    draft.symlink_to(place.name)
    os.replace(draft, directory / LATEST)
    return place


def names(directory: Path = DIRECTORY) -> list[str]:
    """What the runs are called, the newest first."""
    if not directory.is_dir():
        return []
    found = (place.name for place in directory.iterdir() if not place.is_symlink() and (place / "run.json").is_file())
    return sorted((name for name in found if NAME.fullmatch(name)), reverse=True)


def load(name: str, directory: Path = DIRECTORY) -> Run | None:
    """A run as it was kept, without its single operations; None where there is none that can be read."""
    if not NAME.fullmatch(name):
        return None
    try:
        return _run(json.loads((directory / name / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _run(found: dict[str, Any]) -> Run:
    lanes = tuple(LaneSummary(**lane | {"gaps": tuple(Gap(**gap) for gap in lane["gaps"])}) for lane in found["lanes"])
    events = tuple(Event(**event | {"tone": Tone(event["tone"])}) for event in found["events"])
    said = found["judgement"]
    judgement = Judgement(said["ruling"], tuple(said["reasons"]), tuple(said["checked"]))
    return Run(found["lab"], found["started"], found["seconds"], lanes, (), events, judgement)
