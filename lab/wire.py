"""Short questions over the network, each with a deadline; no answer is an answer: None."""

import csv
import io
import json
import socket
from collections.abc import Container
from typing import Any

import urllib3

SECONDS = 1.5


def get(
    url: str,
    user: str = "",
    password: str = "",
    headers: dict[str, str] | None = None,
    seconds: float = SECONDS,
    expected: Container[int] = (200,),
) -> str | None:
    """The body of an HTTP answer, if there is one with a status of `expected`."""
    extra = dict(headers or {})
    if user:
        extra |= urllib3.make_headers(basic_auth=f"{user}:{password}")
    try:
        with urllib3.PoolManager(timeout=seconds, retries=False) as pool:
            answer = pool.request("GET", url, headers=extra)
            return answer.data.decode("utf-8", "replace") if answer.status in expected else None
    except (urllib3.exceptions.HTTPError, OSError):
        return None


def as_json(body: str | None) -> Any:
    """An answer's body, read as JSON; None where there is none, or it is no JSON."""
    try:
        return None if body is None else json.loads(body)
    except ValueError:
        return None


def line(address: str, port: int) -> str | None:
    """What a TCP port says by itself when called."""
    try:
        with socket.create_connection((address, port), timeout=SECONDS) as connection:
            connection.settimeout(SECONDS)
            return connection.recv(200).decode("ascii", "replace").strip() or None
    except OSError:
        return None


def table(text: str) -> list[dict[str, str]]:
    """HAProxy's CSV, whose header line begins with `# `."""
    return list(csv.DictReader(io.StringIO(text.removeprefix("# "))))
