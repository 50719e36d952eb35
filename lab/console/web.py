"""What the browser asks for: the page, its stream, the buttons, the runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse

from lab.console import stream
from lab.console.board import Board
from lab.console.boundary import Lab
from lab.console.pages import KINDS, Pages
from lab.console.source import Source
from lab.console.trouble import sentence_of
from lab.console.watching import Watching
from lab.errors import BadNameError, LabError
from lab.topology import ONE, TWO
from lab.watch import kept
from lab.watch.run import Run

TICK, BEAT = 0.2, 10.0
LONGEST = 600.0
MOST_RUNS = 60
#: A kept page has a script of its own; it gets no cookie and can reach nothing.
KEPT_POLICY = "sandbox allow-scripts; default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
Form = Mapping[str, str]


@dataclass(frozen=True)
class Parts:
    """What the endpoints work with."""

    lab: Lab
    source: Source
    board: Board
    watching: Watching
    pages: Pages
    runs: Path


async def form(request: Request) -> Form:
    """The fields of a form, the last one of each name."""
    found = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=20)
    return {name: values[-1] for name, values in found.items()}


Fields = Annotated[Form, Depends(form)]


def router(parts: Parts) -> APIRouter:
    """All endpoints."""
    own = APIRouter(default_response_class=HTMLResponse)

    @own.get("/")
    def page() -> HTMLResponse:
        if parts.source.seen.snapshot is None:
            parts.source.look()
        return HTMLResponse(parts.pages.page(parts.source.seen, parts.watching.view(), time.monotonic()))

    @own.get("/stream")
    def events() -> StreamingResponse:
        return StreamingResponse(_events(parts), media_type="text/event-stream")

    @own.post("/fault")
    def fault(fields: Fields) -> HTMLResponse:
        def strike() -> str:
            kind, target = fields.get("kind", ""), fields.get("target", "")
            if kind not in dict(KINDS):
                raise BadNameError(f"There is no fault {kind!r} here: kill, pause or isolate.")
            if not target:
                raise BadNameError("Choose a part in the picture first.")
            return parts.lab.strike(kind, [placed(target, fields.get("site", ONE))], seconds_of(fields))

        return _said(parts, strike)

    @own.post("/way")
    def way(fields: Fields) -> HTMLResponse:
        return _said(parts, lambda: parts.lab.spoil_way(fields.get("fault", ""), seconds_of(fields)))

    @own.post("/heal")
    def heal() -> HTMLResponse:
        return _said(parts, lambda: f"{'. '.join(parts.lab.heal()) or 'Nothing was broken'}.")

    @own.post("/watch")
    def watch(fields: Fields) -> HTMLResponse:
        def change() -> str:
            if fields.get("do") == "stop":
                parts.watching.stop()
                return "The run is over; its verdict comes in a moment."
            site = fields.get("site", ONE)
            parts.watching.start(site)
            return f"Watching region-{site}: a project is prepared first."

        return _said(parts, change)

    @own.get("/runs")
    def runs(run: Annotated[list[str] | None, Query()] = None) -> HTMLResponse:
        return HTMLResponse(parts.pages.runs(_kept(parts.runs), run or []))

    @own.get("/runs/{name}/timeline")
    def timeline(name: str) -> Response:
        if name not in kept.names(parts.runs) or not (parts.runs / name / kept.PAGE).is_file():
            return HTMLResponse(parts.pages.said("There is no such run.", is_refusal=True), 404)
        return FileResponse(
            parts.runs / name / kept.PAGE, media_type="text/html", headers={"content-security-policy": KEPT_POLICY}
        )

    return own


def placed(target: str, site: str) -> str:
    """A selector by role, in the region that is meant; names of parts and regions say it themselves."""
    by_role = ":" in target and "/" not in target and not target.startswith("region:")
    return f"{TWO}/{target}" if by_role and site == TWO else target


def seconds_of(fields: Form) -> float:
    """For how long. Raises BadNameError."""
    try:
        found = float(fields.get("seconds", ""))
    except ValueError:
        found = 0.0
    if not 0 < found <= LONGEST:
        raise BadNameError(f"A fault lasts up to {LONGEST:.0f} s.")
    return found


def _said(parts: Parts, act: Callable[[], str]) -> HTMLResponse:
    """What came of it; what can't be done is a sentence."""
    try:
        return HTMLResponse(parts.pages.said(act()))
    except LabError as error:
        return HTMLResponse(parts.pages.said(error.message, is_refusal=True), 409)
    except Exception as error:
        return HTMLResponse(parts.pages.said(sentence_of("It did not work", error), is_refusal=True), 500)


def _kept(directory: Path) -> dict[str, Run]:
    found = ((name, kept.load(name, directory)) for name in kept.names(directory)[:MOST_RUNS])
    return {name: run for name, run in found if run is not None}


async def _events(parts: Parts) -> AsyncIterator[str]:
    """All pieces at first, then each that becomes different."""
    parts.source.come()
    try:
        sent: Mapping[str, str] = {}
        last = time.monotonic()
        while not parts.board.is_ended:
            pieces = parts.board.pieces
            if text := stream.changes(sent, pieces):
                yield text
                sent, last = pieces, time.monotonic()
            elif time.monotonic() - last > BEAT:
                yield stream.BEAT
                last = time.monotonic()
            await asyncio.sleep(TICK)
    finally:
        parts.source.leave()
