"""The console in Chromium: a failover is watched, broken and judged with pointer and keyboard; nothing overflows."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from lab.console.app import Settings, create_app
from lab.console.snapshot import Snapshot
from tests.unit.chromium import Chromium
from tests.unit.console_lab import FakeLab, broken, failed_over, labels, well

#: Where pictures go, for whoever wants to see them.
PICTURES = os.environ.get("QUORATE_PICTURES")
SIZES = [(1280, 720), (1920, 1080)]
SHOWN = (
    "[...new Set([...document.querySelectorAll('g.way')]"
    ".filter(e => getComputedStyle(e).display != 'none').map(e => e.dataset.lane))].join()"
)
FOCUSED = "document.activeElement.id"


@pytest.fixture
def lab() -> FakeLab:
    return FakeLab()


@pytest.fixture
def address(lab: FakeLab, tmp_path: Path) -> Iterator[str]:
    settings = Settings(tmp_path / "runs")
    app = create_app(lab, settings)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=5, ws="none"))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/?token={settings.secrets.token}"
        app.state.board.end()
        server.should_exit = True
        thread.join(30)


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def browser(request: pytest.FixtureRequest) -> Iterator[Chromium]:
    with Chromium(*request.param) as found:
        yield found


def opened(browser: Chromium, address: str) -> None:
    """Go there, and wait until the page is live."""
    browser.open(address)
    browser.until("document.body.classList.contains('live')")
    parts = len(labels(well())) + 2  # and the regions as a whole
    assert browser.tell("document.querySelectorAll('[data-part]').length") == parts


def text(of: str) -> str:
    return f"document.querySelector({of!r}).textContent"


def seen(browser: Chromium, name: str) -> None:
    if PICTURES:
        browser.picture(Path(PICTURES) / f"{name}-{browser.width}.png")


def without_db1() -> Snapshot:
    calm = well()
    one, *others = calm.status.regions
    return replace(calm, status=replace(calm.status, regions=(broken(one, db1="dead"), *others)))


@pytest.mark.slow
def test_a_failover_is_seen_and_judged(browser: Chromium, address: str, lab: FakeLab) -> None:
    opened(browser, address)
    assert "token" not in browser.tell("location.href")
    seen(browser, "calm")
    browser.click("#watch-button")
    browser.until(f"{text('#controls')}.includes('End')")
    browser.until(f"{text('#lanes')}.includes('silent')")
    lab.snapshot = without_db1()
    browser.until("document.querySelectorAll('.part.dead').length == 1")
    # The way of the lane that nobody serves shows by itself, others when they are chosen.
    browser.until(f"{SHOWN} == 'db write'")
    seen(browser, "failing")
    browser.click("#lane-token")
    browser.until(f"{SHOWN} == 'token'")
    browser.click("#kill-galera-writer")
    browser.until(f"{text('#said')}.includes('Did kill to galera:writer for 20 s.')")
    seen(browser, "token")
    for width in ("document.documentElement.scrollWidth", "document.body.scrollWidth"):
        assert browser.tell(width) <= browser.width
    lab.snapshot = failed_over()
    browser.click("#watch-button")
    browser.until(f"{text('#story')}.includes('Verdict: valid')")
    browser.until("document.querySelectorAll('.part.frozen').length == 1")
    seen(browser, "judged")
    browser.tell("document.querySelector('.ruling a:last-child').click()")
    browser.until("document.querySelector('.beside')")
    assert browser.tell("document.documentElement.scrollWidth") <= browser.width
    seen(browser, "runs")
    assert lab.done == [("kill", "galera:writer", 20.0)]
    assert browser.complaints() == []


@pytest.mark.slow
def test_the_keyboard_reaches_everything(address: str, lab: FakeLab) -> None:
    with Chromium() as browser:
        opened(browser, address)
        browser.press("Tab")
        assert browser.tell("document.activeElement.className") == "skip"
        browser.tell("document.getElementById('part-db1').focus()")
        browser.press("ArrowRight")
        assert browser.tell(FOCUSED) == "part-db2"
        lab.snapshot = without_db1()
        browser.until("document.querySelectorAll('.part.dead').length == 1")
        assert browser.tell(FOCUSED) == "part-db2"  # the picture was drawn anew
        browser.press(" ")
        browser.until(f"{text('#chosen-says')}.includes('db2, galera of region-one')")
        browser.press("Enter")
        assert browser.tell(FOCUSED) == "chosen-kill"
        browser.press("Tab")
        browser.press("Enter")
        browser.until(f"{text('#said')}.includes('Did pause to db2')")
        browser.tell("document.getElementById('lane-RPC').focus()")
        browser.press("Enter")
        browser.until("document.querySelector('#lane-RPC').getAttribute('aria-pressed') == 'true'")
        assert lab.done == [("pause", "db2", 20.0)]
        assert browser.complaints() == []


@pytest.mark.slow
def test_who_asked_for_less_motion_gets_none(address: str) -> None:
    with Chromium() as browser:
        browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
        opened(browser, address)
        assert browser.tell("getComputedStyle(document.querySelector('.flow')).animationName") == "none"
