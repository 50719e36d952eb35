"""Two regions in memory, as a move sees them. What is asked for takes a few looks to be done, and the command that asks
can be killed at any request: before it, or after its effect."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from lab.moves.facts import FROM_KEY, IMAGE_KEY, Flavor, Image, Keypair, Room, Server

T = TypeVar("T")

SMALL = Flavor("1", "small", 1, 512, 1)
PROJECT = "p"


class Killed(Exception):
    """The command is no more."""


@dataclass
class World:
    """What both regions share, and what becomes of the requests."""

    image_of: dict[str, tuple[Image, str, list[str]]] = field(default_factory=dict)
    #: The number of the request at which the command is killed, and whether its effect still happens.
    fatal: int | None = None
    done: bool = False
    requests: int = 0
    #: What goes on in the background, step by step.
    work: list[Callable[[], bool]] = field(default_factory=list)
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    events: list[str] = field(default_factory=list)

    def request(self, effect: Callable[[], T]) -> T:
        number, self.requests = self.requests, self.requests + 1
        if number == self.fatal and not self.done:
            raise Killed
        result = effect()
        if number == self.fatal:
            raise Killed
        return result

    def time_passes(self) -> None:
        self.work = [one for one in self.work if not one()]

    def in_a_while(self, effect: Callable[[], None], looks: int = 2) -> None:
        left = itertools.count(looks, -1)

        def work() -> bool:
            if next(left) > 0:
                return False
            effect()
            return True

        self.work.append(work)


@dataclass
class FakeRegion:
    """One region. `disks`: what each server's disk remembers."""

    name: str
    world: World
    servers: dict[str, Server] = field(default_factory=dict)
    disks: dict[str, list[str]] = field(default_factory=dict)
    offered: list[Flavor] = field(default_factory=lambda: [SMALL])
    keys: dict[str, Keypair] = field(default_factory=dict)
    left: Room = field(default_factory=Room)
    #: What becomes of servers that are made here.
    outcome: str = "ACTIVE"
    #: So often an image cannot be read here yet.
    behind: int = 1
    forgetful: bool = False

    def add(self, server: Server) -> Server:
        self.servers[server.id], self.disks[server.id] = server, [server.id]
        return server

    def _change(self, server_id: str, **values: Any) -> None:
        if server_id in self.servers:
            self.servers[server_id] = replace(self.servers[server_id], **values)

    def _task(self, server_id: str, **values: Any) -> None:
        assert not self.servers[server_id].is_busy, "409"
        self._change(server_id, is_busy=True)
        self.world.in_a_while(lambda: self._change(server_id, is_busy=False, **values))

    def project(self) -> str:
        return PROJECT

    def find(self, name_or_id: str) -> Server | None:
        def look() -> Server | None:
            self.world.time_passes()
            return next((one for one in self.servers.values() if name_or_id in (one.id, one.name)), None)

        return self.world.request(look)

    def moved_here(self, source_id: str, name: str | None) -> list[Server]:
        return self.world.request(
            lambda: [one for one in self.servers.values() if one.metadata.get(FROM_KEY) == source_id]
        )

    def flavors(self) -> list[Flavor]:
        return self.world.request(lambda: self.offered)

    def room(self) -> Room:
        return self.world.request(lambda: self.left)

    def keypair(self, name: str) -> Keypair | None:
        return self.world.request(lambda: self.keys.get(name))

    def add_keypair(self, keypair: Keypair) -> None:
        def add() -> None:
            assert keypair.name not in self.keys, "409"
            self.keys[keypair.name] = keypair

        self.world.request(add)

    def boot(self, wanted: Mapping[str, Any]) -> None:
        def boot() -> None:
            image, status, disk = self.world.image_of[wanted["imageRef"]]
            assert (image.status, status) == ("active", "whole")
            made = Server(
                f"new-{next(self.world.numbers)}", wanted["name"], "BUILD", SMALL, PROJECT, image.id,
                dict(wanted["metadata"]), is_busy=True, key_name=wanted.get("key_name"), tags=tuple(wanted["tags"]),
            )  # fmt: skip
            self.add(made)
            self.disks[made.id] = [made.id] if self.forgetful else [*disk, made.id]
            self.world.in_a_while(lambda: self._change(made.id, status=self.outcome, is_busy=False, problem="No host."))

        self.world.request(boot)

    def mark(self, server_id: str, marks: Mapping[str, str]) -> None:
        self.world.request(lambda: self._change(server_id, metadata={**self.servers[server_id].metadata, **marks}))

    def set_metadata(self, server_id: str, metadata: Mapping[str, str]) -> None:
        self.world.request(lambda: self._change(server_id, metadata=dict(metadata)))

    def stop(self, server_id: str) -> None:
        self.world.request(lambda: self._task(server_id, status="SHUTOFF"))

    def start(self, server_id: str) -> None:
        self.world.request(lambda: self._task(server_id, status="ACTIVE"))

    def delete(self, server_id: str) -> None:
        def delete() -> None:
            if server_id in self.servers:
                self.world.events.append(f"{server_id} is deleted")
                self._change(server_id, is_busy=True)
                self.world.in_a_while(lambda: self.servers.pop(server_id, None) and None)

        self.world.request(delete)

    def console(self, server_id: str) -> str:
        lines = [f"QUORATE-GUEST boot={n} instance={one}" for n, one in enumerate(self.disks[server_id], 1)]
        return self.world.request(lambda: "\n".join(lines))

    def snapshot(self, server_id: str, name: str, metadata: Mapping[str, str]) -> None:
        def begin() -> None:
            assert self.servers[server_id].status == "SHUTOFF", "the disk is not at rest"
            image_id = f"image-{next(self.world.numbers)}"
            disk, source = list(self.disks[server_id]), metadata[IMAGE_KEY]
            self.world.image_of[image_id] = (Image(image_id, "queued"), source, disk)

            def fill() -> None:
                self.world.image_of[image_id] = (Image(image_id, "active", 10), "whole", disk)

            self._task(server_id)
            self.world.in_a_while(fill)

        self.world.request(begin)

    def images(self, source_id: str) -> list[Image]:
        return self.world.request(
            lambda: [
                image for image, _, disk in self.world.image_of.values() if disk[-1] == source_id
            ]
        )  # fmt: skip

    def is_readable(self, image: Image) -> bool:
        self.behind -= 1
        return self.world.request(lambda: self.behind < 0)

    def delete_image(self, image_id: str) -> None:
        self.world.request(lambda: self.world.image_of.pop(image_id, None))
