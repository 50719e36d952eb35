"""One row after another, each of its own, through the image service: which were acknowledged, and which are there.

A register tells of a lost write only while nobody writes it again; a ledger tells of each.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from lab.errors import NotReadyError
from lab.registers import Outcome
from lab.watch.client import Client
from lab.watch.tenant import insist

EVERY, SECONDS, PAGE = 0.1, 3.0, 500
PREFIX = "ledger"


@dataclass(frozen=True)
class Account:
    """What became of the rows: how many were acknowledged, and which of those are gone."""

    acknowledged: int
    gone: tuple[str, ...]


def account(acknowledged: Iterable[str], there: Iterable[str]) -> Account:
    """Compare what was promised with what is there. Pure."""
    promised, found = list(acknowledged), set(there)
    return Account(len(promised), tuple(name for name in promised if name not in found))


class Ledger:
    """Writes in a thread of its own until it is closed."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stopping = threading.Event()
        self._acknowledged: list[str] = []
        self._thread = threading.Thread(target=self._write, name="ledger", daemon=True)

    def open(self) -> None:
        """Begin. Raises NotReadyError where there is no token."""
        if self._client.log_in(10).outcome is not Outcome.OK:
            raise NotReadyError("The cloud gives no token, so there is nothing to begin with; see `quorate status`.")
        self._thread.start()

    def close(self) -> Account:
        """Write no more, and look what is there. Raises NotReadyError where nobody answers that."""
        self._stopping.set()
        self._thread.join(4 * SECONDS)
        return account(self._acknowledged, self._there())

    def _write(self) -> None:
        number = 0
        due = time.monotonic()
        while not self._stopping.is_set():
            number += 1
            name = f"{PREFIX}-{number}"
            made = self._client.ask("POST", "image", "/v2/images", {"name": name}, seconds=SECONDS)
            if made.outcome is Outcome.OK:
                self._acknowledged.append(name)
            due = max(due + EVERY, time.monotonic())
            self._stopping.wait(due - time.monotonic())

    def _there(self) -> list[str]:
        found: list[str] = []
        path: str | None = f"/v2/images?limit={PAGE}"
        while path:
            page = insist(self._client, "GET", "image", path).json()
            found += [str(image["name"]) for image in page["images"]]
            path = page.get("next")
        return found
