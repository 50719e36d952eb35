"""The console, put together: the lab that is looked at, the guard before it, the page, its stream and its runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.staticfiles import StaticFiles

from lab.console.board import Board
from lab.console.boundary import Lab
from lab.console.guard import Guard, Secrets
from lab.console.pages import Pages
from lab.console.source import Source
from lab.console.watching import Watching
from lab.console.web import Parts, router
from lab.watch import kept
from lab.watch.page import page
from lab.watch.run import Run

STATIC = Path(__file__).with_name("static")


@dataclass(frozen=True)
class Settings:
    """Where runs are kept, and what only this start knows."""

    runs: Path = kept.DIRECTORY
    secrets: Secrets = field(default_factory=Secrets)


def create_app(lab: Lab, settings: Settings) -> FastAPI:
    """The application; while it runs, it looks at the lab as long as a page is open."""

    def keep(run: Run) -> str:
        return kept.keep(run, page(run), settings.runs).name

    source, watching = Source(lab), Watching(lab, keep)
    pages = Pages(lab.name, settings.secrets.page)
    board = Board(source, watching, pages)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        source.start()
        board.start()
        yield
        board.end()
        source.stop()
        await run_in_threadpool(watching.close)

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.include_router(router(Parts(lab, source, board, watching, pages, settings.runs)))
    app.mount("/static", StaticFiles(directory=STATIC))
    app.add_middleware(Guard, own=settings.secrets)
    app.state.board = board
    return app
