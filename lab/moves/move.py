"""Carrying a move out, step by step. All that it must remember lies with the servers and the image themselves."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lab.errors import NotReadyError
from lab.moves.checks import check_keypair, check_room, choose_flavor, problems
from lab.moves.errors import MoveFailedError, MoveRefusedError
from lab.moves.facts import (
    CHECKED_KEY,
    FROM_KEY,
    IMAGE_KEY,
    MARKS,
    STATUS_KEY,
    TO_KEY,
    Facts,
    Flavor,
    Server,
)
from lab.moves.plan import Step, drive, next_step, next_step_back
from lab.moves.region import Region

#: What a guest of the fake driver writes at each boot; real guests say nothing that could be looked for.
_BOOTS = re.compile(r"QUORATE-GUEST boot=\d+ instance=(\S+)")

#: Told of each step that begins; a step that waits is told of again and again.
Watch = Callable[[Step], None]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the user asked for."""

    flavor: str | None = None
    keep_image: bool = False
    timeout: float = 600.0


class Move:
    """The move of one server from `here` to `there`. May be begun anew at any time."""

    def __init__(
        self,
        here: Region,
        there: Region,
        source_id: str,
        name: str | None,
        wishes: Wishes,
        watch: Watch,
        pause: Callable[[], None] = lambda: time.sleep(0.5),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._here, self._there, self._id, self._name, self._wishes = here, there, source_id, name, wishes
        self._watch, self._pause, self._clock = watch, pause, clock
        self._readable = False
        self._step: tuple[Step | None, float] = (None, 0.0)

    def forward(self) -> Server:
        """Move it; the new server. Raises MoveRefusedError, MoveFailedError, NotReadyError."""
        target = drive(self._observe, self._decide, self._act).target
        assert target is not None
        return target

    def back(self) -> None:
        """Take the move back: the old server is as it was, nothing is left of the new one. Raises as `forward`."""
        drive(self._observe, next_step_back, self._act)

    def _observe(self) -> Facts:
        source = self._here.find(self._id)
        targets = self._there.moved_here(self._id, self._name)
        return Facts(source, tuple(self._here.images(self._id)), tuple(targets))

    def _decide(self, facts: Facts) -> Step | None:
        return next_step(facts, self._there.name, readable=self._readable, keep_image=self._wishes.keep_image)

    def _act(self, step: Step, facts: Facts) -> None:
        now = self._clock()
        if self._step[0] is not step:
            self._step = (step, now)
        elif now - self._step[1] > self._wishes.timeout:
            raise NotReadyError(f"This did not end within {self._wishes.timeout:.0f} s: {step.value}.")
        self._watch(step)
        _ACTIONS.get(step, Move._wait)(self, facts)

    def _wait(self, facts: Facts) -> None:
        self._pause()

    def _mark(self, facts: Facts) -> None:
        source = _sure(facts.source)
        wrong = problems(source, self._here.project())
        if wrong:
            raise MoveRefusedError(" ".join(wrong))
        self._destination(source)
        self._here.mark(source.id, {TO_KEY: self._there.name, STATUS_KEY: source.status})

    def _destination(self, source: Server) -> Flavor:
        """The flavor there. Raises MoveRefusedError where there is no place for the server."""
        to = self._there.name
        flavor = choose_flavor(self._wishes.flavor, source, self._there.flavors(), to)
        if isinstance(flavor, str):
            raise MoveRefusedError(flavor)
        wrong = check_room(flavor, self._there.room(), to)
        if source.key_name:
            mine, theirs = self._here.keypair(source.key_name), self._there.keypair(source.key_name)
            wrong = wrong or check_keypair(mine, theirs, to)
        if wrong:
            raise MoveRefusedError(wrong)
        return flavor

    def _stop(self, facts: Facts) -> None:
        self._here.stop(_sure(facts.source).id)

    def _snapshot(self, facts: Facts) -> None:
        source = _sure(facts.source)
        self._here.snapshot(source.id, f"{source.name} on its way to {self._there.name}"[:255], {IMAGE_KEY: source.id})

    def _await_copy(self, facts: Facts) -> None:
        assert facts.image is not None
        self._readable = self._there.is_readable(facts.image)
        if not self._readable:
            self._pause()

    def _drop_images(self, facts: Facts) -> None:
        for image in facts.images:
            self._here.delete_image(image.id)
        self._readable = False

    def _boot(self, facts: Facts) -> None:
        source, image = _sure(facts.source), facts.image
        assert image is not None
        flavor = self._destination(source)
        self._there.boot(new_server(source, image.id, flavor, self._keypair(source)))

    def _keypair(self, source: Server) -> str | None:
        """The name of the server's keypair, made there if need be; None where it is somebody else's, or gone."""
        mine = self._here.keypair(source.key_name) if source.key_name else None
        if mine is None:
            return None
        if self._there.keypair(mine.name) is None:
            self._there.add_keypair(mine)
        return mine.name

    def _drop_double(self, facts: Facts) -> None:
        self._there.delete(facts.targets[-1].id)
        self._pause()

    def _drop_failed(self, facts: Facts) -> None:
        target = _sure(facts.target)
        self._there.delete(target.id)
        raise MoveFailedError(
            f"{target.name} did not boot in {self._there.name}: {target.problem or 'no reason is known'} Its image and "
            "the old server are kept: run the command again to try once more, or with --abort to take the move back."
        )

    def _check(self, facts: Facts) -> None:
        source, target = _sure(facts.source), _sure(facts.target)
        image = facts.image.id if facts.image else target.image_id
        boots = _BOOTS.findall(self._there.console(target.id))
        if target.image_id != image or (boots and source.id not in boots):
            raise MoveRefusedError(
                f"The disk of {target.name} in {self._there.name} does not go on from the old server's. The old server "
                "is kept; `--abort` takes the move back."
            )
        self._there.mark(target.id, {CHECKED_KEY: "yes"})

    def _stop_target(self, facts: Facts) -> None:
        self._there.stop(_sure(facts.target).id)

    def _delete_source(self, facts: Facts) -> None:
        self._here.delete(_sure(facts.source).id)

    def _drop_target(self, facts: Facts) -> None:
        for target in facts.targets:
            self._there.delete(target.id)
        self._pause()

    def _start(self, facts: Facts) -> None:
        self._here.start(_sure(facts.source).id)

    def _unmark(self, facts: Facts) -> None:
        source = _sure(facts.source)
        kept = {name: value for name, value in source.metadata.items() if name not in (TO_KEY, STATUS_KEY)}
        self._here.set_metadata(source.id, kept)


_ACTIONS: dict[Step, Callable[[Move, Facts], None]] = {
    Step.MARK: Move._mark,
    Step.STOP: Move._stop,
    Step.SNAPSHOT: Move._snapshot,
    Step.AWAIT_COPY: Move._await_copy,
    Step.DROP_IMAGE: Move._drop_images,
    Step.DELETE_IMAGE: Move._drop_images,
    Step.BOOT: Move._boot,
    Step.DROP_DOUBLE: Move._drop_double,
    Step.DROP_FAILED: Move._drop_failed,
    Step.CHECK: Move._check,
    Step.STOP_TARGET: Move._stop_target,
    Step.DELETE_SOURCE: Move._delete_source,
    Step.DROP_TARGET: Move._drop_target,
    Step.START: Move._start,
    Step.UNMARK: Move._unmark,
}


def _sure(server: Server | None) -> Server:
    assert server is not None, "the plan asks for this only where there is one"
    return server


def new_server(source: Server, image_id: str, flavor: Flavor, key_name: str | None) -> dict[str, Any]:
    """What the new server is made with: all that the old one was, as far as it can be told."""
    kept = {name: value for name, value in source.metadata.items() if name not in MARKS}
    wanted: dict[str, Any] = {
        "name": source.name,
        "imageRef": image_id,
        "flavorRef": flavor.id,
        "metadata": {**kept, FROM_KEY: source.id},
        "networks": "auto" if source.has_network else "none",
        "tags": list(source.tags),
        "description": source.description,
        "config_drive": source.config_drive,
    }
    optional = {"key_name": key_name, "user_data": source.user_data}
    if source.hostname and len(source.hostname) > 1:
        optional["hostname"] = source.hostname
    return wanted | {name: value for name, value in optional.items() if value}
