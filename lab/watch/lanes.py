"""What is asked of each function, how often, and how long it may be silent before that counts as a gap.

A step does one operation and says how it ended, and which value it wrote or read. Steps that read tell a wrong answer
from none: wrong ones are evidence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import dns.exception

from lab.names_in_world import ZONE, addresses
from lab.registers import Outcome
from lab.watch.blocks import Blocks
from lab.watch.client import Answer, Client
from lab.watch.evidence import Evidence
from lab.watch.tenant import IMAGE, Tenant, status_of

Said = tuple[Outcome, str]
SOON, PATIENCE = 0.5, 3.0
BOOT_PATIENCE, LOOK = 30.0, 0.1
TURN, BLOCK = "turn", "block"
DATABASE_REGISTER, FIRST = "server metadata", "0"


class Lane(NamedTuple):
    """One function: a step every so many seconds; a gap is longer than `calm` seconds without a success."""

    name: str
    every: float
    calm: float
    step: Callable[[int], Said]


class Steps:
    """The steps of the lanes that ask the services."""

    def __init__(self, client: Client, tenant: Tenant, evidence: Evidence, slow: float = 1.0) -> None:
        """On a slow machine clients have so many times the patience."""
        self._soon = SOON * slow
        self._client, self._tenant, self._evidence = client, tenant, evidence
        self._turn = f"/v2.1/servers/{tenant.server}/metadata/{TURN}"

    def token(self, _: int) -> Said:
        """Log in."""
        answer = self._client.log_in(PATIENCE)
        return (Outcome.OK if answer.outcome is Outcome.OK else Outcome.FAIL), answer.why

    def catalog(self, _: int) -> Said:
        """What a token is good for."""
        return _said(self._client.ask("GET", "identity", "/v3/auth/catalog", seconds=self._soon))

    def image(self, _: int) -> Said:
        """An image's data."""
        answer = self._client.ask("GET", "image", f"/v2/images/{self._tenant.image}/file", seconds=PATIENCE)
        if answer.outcome is Outcome.OK and answer.data != IMAGE:
            self._evidence.complain("the image was read with other data than were uploaded")
        return _said(answer)

    def servers(self, _: int) -> Said:
        """The list of servers."""
        return _said(self._client.ask("GET", "compute", "/v2.1/servers", seconds=self._soon))

    def write(self, number: int) -> Said:
        """One row of the regional database."""
        value, start = str(number + 1), time.monotonic()
        answer = self._client.ask("PUT", "compute", self._turn, {"meta": {TURN: value}}, seconds=PATIENCE)
        self._evidence.wrote(DATABASE_REGISTER, value, start, answer.outcome)
        return answer.outcome, f"{value}: {answer.why}" if answer.why else value

    def read(self, _: int) -> Said:
        """The same row: what was acknowledged before must be seen."""
        start = time.monotonic()
        answer = self._client.ask("GET", "compute", self._turn, seconds=self._soon)
        if answer.outcome is not Outcome.OK:
            return _said(answer)
        value = str(answer.json()["meta"][TURN])
        self._evidence.read(DATABASE_REGISTER, value, start)
        return Outcome.OK, value

    def rpc(self, _: int) -> Said:
        """A question that goes through the queue to the server's host and back."""
        path = f"/v2.1/servers/{self._tenant.server}/action"
        answer = self._client.ask("POST", "compute", path, {"os-getConsoleOutput": {"length": 1}}, seconds=PATIENCE)
        return (Outcome.OK if answer.outcome is Outcome.OK else Outcome.FAIL), answer.why

    def boot(self, number: int) -> Said:
        """A whole server: made, ACTIVE, deleted."""
        name = f"{self._tenant.prefix}-boot-{number}"
        made = self._client.ask("POST", "compute", "/v2.1/servers", self._tenant.new_server(name), seconds=PATIENCE)
        self._evidence.servers[name] = made.outcome
        if made.outcome is not Outcome.OK:
            return _said(made)
        server, give_up = made.json()["server"]["id"], time.monotonic() + BOOT_PATIENCE
        while (status := status_of(self._client, server)) not in ("ACTIVE", "ERROR"):
            if time.monotonic() > give_up:
                return Outcome.FAIL, f"not ACTIVE after {BOOT_PATIENCE:.0f} s"
            time.sleep(LOOK)
        gone = self._client.ask("DELETE", "compute", f"/v2.1/servers/{server}", seconds=PATIENCE)
        if gone.outcome is not Outcome.FAIL:
            self._evidence.deleted[name] = gone.outcome
        return (Outcome.OK, "") if status == "ACTIVE" else (Outcome.FAIL, "ended in ERROR")

    def object(self, number: int) -> Said:
        """A small object: written, read at once."""
        name = f"n{number}"
        data = f"{self._tenant.prefix} {number}".encode()
        put = self._client.ask("PUT", "object", f"{self._tenant.container}/{name}", data, seconds=PATIENCE)
        self._evidence.objects[name] = put.outcome
        if put.outcome is not Outcome.OK:
            return _said(put)
        got = self._client.ask("GET", "object", f"{self._tenant.container}/{name}", seconds=PATIENCE)
        if got.outcome is Outcome.OK and got.data != data:
            self._evidence.complain(f"the object {name} was read with other data than were acknowledged")
        return _said(got)


def _said(answer: Answer) -> Said:
    return answer.outcome, answer.why


def dns_step(servers: Sequence[str]) -> Callable[[int], Said]:
    """Ask one name server after the other, as resolvers do, for identity's addresses."""

    def step(_: int) -> Said:
        why = "no name server answers"
        for server in servers:
            try:
                found = addresses(server, f"identity.{ZONE}")
            except (dns.exception.DNSException, OSError) as error:
                why = type(error).__name__
                continue
            if found:
                return Outcome.OK, " ".join(found)
            why = "an empty answer"
        return Outcome.FAIL, why

    return step


def lanes(steps: Steps, blocks: Blocks | None, name_servers: Sequence[str]) -> list[Lane]:
    """All lanes of a run; block storage and names only where they can be reached from here."""
    found = [
        Lane("token", 1.0, 2.5, steps.token),
        Lane("catalog", 0.1, 0.7, steps.catalog),
        Lane("image", 0.2, 1.2, steps.image),
        Lane("servers", 0.1, 0.7, steps.servers),
        Lane("boot", 4.0, 15.0, steps.boot),
        Lane("db write", 0.1, 0.7, steps.write),
        Lane("db read", 0.1, 0.7, steps.read),
        Lane("RPC", 0.3, 1.2, steps.rpc),
        Lane("object", 0.5, 2.0, steps.object),
    ]
    if blocks is not None:
        found.append(Lane(BLOCK, 0.1, 0.7, blocks.step))
    if name_servers:
        found.append(Lane("DNS", 0.2, 1.0, dns_step(name_servers)))
    return found
