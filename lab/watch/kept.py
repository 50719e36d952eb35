"""Runs on disk: `var/runs/<time>/` has the history, the summary and the page; `var/runs/latest` leads to the last."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from lab.paths import VAR
from lab.watch.run import Run

DIRECTORY = VAR / "runs"
LATEST = "latest"


def keep(run: Run, page: str, directory: Path = DIRECTORY) -> Path:
    """Write a run down; returns where."""
    place = directory / run.started.replace(":", "").replace("+0000", "Z")
    place.mkdir(parents=True, exist_ok=True)
    (place / "run.json").write_text(json.dumps(run.as_json(), indent=1, default=str) + "\n", encoding="utf-8")
    lines = (json.dumps(asdict(operation)) for operation in run.operations)
    (place / "history.jsonl").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (place / "timeline.html").write_text(page, encoding="utf-8")
    draft = directory / f".{LATEST}.new"
    draft.unlink(missing_ok=True)
    draft.symlink_to(place.name)
    os.replace(draft, directory / LATEST)
    return place
