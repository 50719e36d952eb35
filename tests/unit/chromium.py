"""Drives Chromium over its own pipes: opens a page, asks it, presses keys, takes a picture."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.tools import program

PATIENCE = 30.0
#: The browser takes its orders from 3 and answers on 4.
BEGIN = """
import fcntl, os, sys
orders, answers = (fcntl.fcntl(int(each), fcntl.F_DUPFD, 10) for each in sys.argv[1:3])
os.dup2(orders, 3)
os.dup2(answers, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
KEYS = {"Enter": 13, "Tab": 9, " ": 32, "ArrowRight": 39, "ArrowDown": 40}


class Refused(AssertionError):
    """The browser could not do it."""


class Chromium:
    """One page in a browser without a window."""

    def __init__(self, width: int = 1280, height: int = 720) -> None:
        self.width, self.height = width, height

    def __enter__(self) -> Self:
        self._home = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        for_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        command = [
            *(sys.executable, "-c", BEGIN, str(for_browser), str(from_browser), program("chromium")),
            *("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--hide-scrollbars"),
            *("--no-first-run", "--disable-dev-shm-usage", f"--user-data-dir={self._home.name}"),
            f"--window-size={self.width},{self.height}",
        ]
        self._process = subprocess.Popen(
            command, pass_fds=(for_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(for_browser)
        os.close(from_browser)
        self._number, self._buffer, self._session = 0, b"", ""
        self.said: list[dict[str, Any]] = []
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=self.width,
            height=self.height,
            deviceScaleFactor=1,
            mobile=False,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self._out)
        os.close(self._in)
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
        self._home.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One order, and its answer."""
        self._number += 1
        order: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            order["sessionId"] = self._session
        os.write(self._out, json.dumps(order).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                if "error" in message:
                    raise Refused(message["error"]["message"])
                result: dict[str, Any] = message["result"]
                return result
            self.said.append(message)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            more = os.read(self._in, 1 << 20)
            assert more, "Chromium ended"
            self._buffer += more
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        return message

    def open(self, url: str) -> None:
        """Go there."""
        self.ask("Page.navigate", url=url)

    def tell(self, script: str) -> Any:
        """What an expression is on the page."""
        found = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise Refused(json.dumps(found["exceptionDetails"])[:400])
        return found["result"].get("value")

    def until(self, script: str) -> None:
        """Ask until it is true. Fails after a while."""
        give_up = time.monotonic() + PATIENCE
        while not self._is_true(script):
            assert time.monotonic() < give_up, f"never true: {script}"
            time.sleep(0.05)

    def _is_true(self, script: str) -> bool:
        try:
            return bool(self.tell(f"!!({script})"))
        except Refused:  # another page comes just now, or what is asked for does not exist yet
            return False

    def press(self, key: str) -> None:
        """A key on the keyboard."""
        code = {"windowsVirtualKeyCode": KEYS[key], "key": key, "code": "Space" if key == " " else key}
        text = {"Enter": "\r", " ": " "}.get(key)
        self.ask("Input.dispatchKeyEvent", type="keyDown", **code, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **code)

    def click(self, selector: str) -> None:
        """The pointer's button, in the middle of an element."""
        place = self.tell(
            "(b => [b.x + b.width / 2, b.y + b.height / 2])"
            f"(document.querySelector({selector!r}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def complaints(self) -> list[str]:
        """What the browser complained about: exceptions, and what the page's own policy forbids."""
        self.tell("1")
        found = []
        for message in self.said:
            if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                found.append(str(message["params"]["entry"]["text"]))
            if message.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(message["params"]["exceptionDetails"])[:400])
        return found

    def picture(self, path: Path) -> None:
        """What is seen."""
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"]))
