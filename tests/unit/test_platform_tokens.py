"""Validation by the other services: against an identity that answers, refuses, hangs, or is not there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from services.platform.faults import Unauthorized, Unavailable
from services.platform.times import from_epoch, zulu_micro
from services.platform.tokens import Absence, IdentityTokens, TokenCache


class Identity:
    """As much of identity as validation needs; `mode` is a status, or `hang`."""

    def __init__(self) -> None:
        self.mode: int | str = 200
        self.asked = 0
        self.lifetime = 3600.0
        self.released = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked += 1
                if outer.mode == "hang":
                    outer.released.wait(10)
                    return
                body = json.dumps(outer.body()).encode() if outer.mode == 200 else b""
                self.send_response(int(outer.mode))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def body(self) -> dict[str, Any]:
        default = {"id": "default", "name": "Default"}
        return {
            "token": {
                "user": {"id": "u", "name": "ann", "domain": default},
                "project": {"id": "p", "name": "work", "domain": default},
                "roles": [{"id": "r", "name": "member"}],
                "expires_at": zulu_micro(from_epoch(time.time() + self.lifetime)),
                "audit_ids": ["a"],
            }
        }

    def close(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def identity() -> Iterator[Identity]:
    made = Identity()
    yield made
    made.close()


def validator(identity: Identity, fresh_seconds: float = 0.0) -> IdentityTokens:
    return IdentityTokens(identity.url, TokenCache(fresh_seconds))


def test_a_valid_token_is_believed_for_a_while_without_asking_again(identity: Identity) -> None:
    tokens = validator(identity, fresh_seconds=60)
    assert tokens.cached("t") is None
    access = tokens.validate("t")
    assert (access.user_name, access.project_id, access.roles) == ("ann", "p", {"member"})
    assert tokens.cached("t") == access
    assert identity.asked == 1


@pytest.mark.parametrize("status", [401, 404])
def test_what_identity_refuses_is_refused_and_forgotten(identity: Identity, status: int) -> None:
    tokens = validator(identity, fresh_seconds=60)
    tokens.validate("t")
    identity.mode = status
    with pytest.raises(Unauthorized):
        tokens.validate("t")
    assert tokens.cached("t") is None
    identity.mode = 503
    with pytest.raises(Unavailable):
        tokens.validate("t")


def test_an_identity_in_trouble_does_not_end_tokens_that_it_knew(identity: Identity) -> None:
    tokens = validator(identity)
    access = tokens.validate("t")
    identity.mode = 503
    assert tokens.validate("t") == access
    with pytest.raises(Unavailable):
        tokens.validate("never seen")


@pytest.mark.slow
def test_while_identity_is_away_one_asks_and_the_others_go_on(identity: Identity) -> None:
    tokens = validator(identity)
    access = tokens.validate("t")
    identity.mode = "hang"
    started = time.monotonic()
    assert tokens.validate("t") == access
    assert time.monotonic() - started < 4
    asked = identity.asked
    assert all(tokens.validate("t") == access for _ in range(100))
    assert identity.asked <= asked + 1


def test_nobody_listening_is_away_too(identity: Identity) -> None:
    tokens = validator(identity)
    access = tokens.validate("t")
    identity.close()
    assert tokens.validate("t") == access


def test_an_expired_token_is_not_honoured_even_then(identity: Identity) -> None:
    identity.lifetime = 0.05
    tokens = validator(identity)
    tokens.validate("t")
    identity.mode = 503
    deadline = time.monotonic() + 5

    def until_it_is_over() -> None:
        while time.monotonic() < deadline:
            tokens.validate("t")

    with pytest.raises(Unavailable):
        until_it_is_over()


def test_absence_lets_one_ask_in_each_pause_until_it_is_over() -> None:
    now = [0.0]
    absence = Absence(1.0, lambda: now[0])
    assert absence.worth_asking()
    absence.noticed()
    assert not absence.worth_asking()
    now[0] = 1.0
    assert [absence.worth_asking() for _ in range(3)] == [True, False, False]
    absence.over()
    assert all(absence.worth_asking() for _ in range(3))
