"""The next step of a move, from what both regions say alone. Pure: whoever runs the command again, after a crash at any
step, on any machine, comes to the same step.

The old server goes last, when the new one runs and its disk was found to go on from the old one's.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from lab.moves.errors import MoveFailedError, MoveRefusedError
from lab.moves.facts import CHECKED_KEY, STATUS_KEY, TO_KEY, Facts, Server


class Step(Enum):
    """One step. Each may be repeated."""

    MARK = "note the move on the server"
    AWAIT_SOURCE = "wait for what is being done to the server"
    STOP = "stop the server"
    DROP_IMAGE = "remove an image that is out of date"
    SNAPSHOT = "begin an image of its disk"
    AWAIT_IMAGE = "fill the image"
    AWAIT_COPY = "read the image in the other region"
    BOOT = "create the server there"
    AWAIT_BOOT = "boot it"
    DROP_DOUBLE = "remove a second copy of the server"
    DROP_FAILED = "remove the server that did not boot"
    CHECK = "check that its disk went on"
    STOP_TARGET = "stop it, as it was stopped before"
    AWAIT_TARGET = "wait for what is being done to it"
    DELETE_SOURCE = "delete the old server"
    AWAIT_DELETE = "wait until the old server is gone"
    DELETE_IMAGE = "delete the image"
    # Only when a move is taken back.
    DROP_TARGET = "delete the new server"
    START = "start the old server again"
    UNMARK = "take the note of the move away"


def next_step(facts: Facts, to: str, *, readable: bool, keep_image: bool) -> Step | None:
    """None: the move is done. `readable`: the image was read in the other region.

    Raises MoveRefusedError where it can't go on without a person's decision.
    """
    source, target = facts.source, facts.target
    if len(facts.targets) > 1:
        return Step.DROP_DOUBLE
    if source is None or source.status == "DELETED":
        return _after_the_delete(facts, keep_image=keep_image)
    marked = source.metadata.get(TO_KEY)
    if marked is None and target is None:
        return Step.AWAIT_SOURCE if source.is_busy else Step.MARK
    if marked not in (None, to):
        raise MoveRefusedError(f"{source.name} is being moved to {marked}: go on with `--to {marked}`, or `--abort`.")
    if target is not None:
        return _with_target(source, target)
    return _towards_the_boot(source, facts, readable=readable)


def _after_the_delete(facts: Facts, *, keep_image: bool) -> Step | None:
    if facts.target is None:
        raise MoveRefusedError("There is no such server in either region.")
    return Step.DELETE_IMAGE if facts.images and not keep_image else None


def _with_target(source: Server, target: Server) -> Step:
    if source.status != "SHUTOFF" and not source.is_busy:
        raise MoveRefusedError(
            f"{source.name} is {source.status}: it was started again after its disk was copied. Stop it, or take the "
            "move back with `--abort`."
        )
    if target.status == "ERROR":
        return Step.AWAIT_TARGET if target.is_busy else Step.DROP_FAILED
    if target.status == "BUILD":
        return Step.AWAIT_BOOT
    if CHECKED_KEY not in target.metadata:
        return Step.CHECK
    if target.is_busy:
        return Step.AWAIT_TARGET
    if was_stopped(source) and target.status == "ACTIVE":
        return Step.STOP_TARGET
    return Step.AWAIT_DELETE if source.is_busy else Step.DELETE_SOURCE


def _towards_the_boot(source: Server, facts: Facts, *, readable: bool) -> Step:
    if source.is_busy:
        # While its image is filled, the server is busy with that.
        return Step.AWAIT_IMAGE if facts.image is not None and source.status == "SHUTOFF" else Step.AWAIT_SOURCE
    if source.status == "ACTIVE":
        return Step.DROP_IMAGE if facts.images else Step.STOP
    if source.status != "SHUTOFF":
        raise MoveRefusedError(f"{source.name} is {source.status}; it must be ACTIVE or SHUTOFF to be moved.")
    if facts.image is None:
        return Step.SNAPSHOT
    if facts.image.status in ("killed", "deleted", "deactivated"):
        return Step.DROP_IMAGE
    if facts.image.status != "active":
        return Step.AWAIT_IMAGE
    return Step.BOOT if readable else Step.AWAIT_COPY


def was_stopped(source: Server) -> bool:
    """Whether the server was stopped already when its move began."""
    return source.metadata.get(STATUS_KEY) == "SHUTOFF"


def next_step_back(facts: Facts) -> Step | None:
    """As `next_step`, when the move is to be taken back. Raises MoveRefusedError where it is too late for that."""
    source = facts.source
    if source is None or source.status == "DELETED":
        where = f"{facts.target.name} is {facts.target.status} there" if facts.target else "there is no such server"
        raise MoveRefusedError(f"The old server is deleted already, so the move can't be taken back: {where}.")
    if facts.targets:
        return Step.DROP_TARGET
    if source.is_busy:
        return Step.AWAIT_SOURCE
    if facts.images:
        return Step.DROP_IMAGE
    if TO_KEY not in source.metadata:
        return None
    if source.status == "SHUTOFF" and not was_stopped(source):
        return Step.START
    return Step.UNMARK


def drive(
    observe: Callable[[], Facts],
    decide: Callable[[Facts], Step | None],
    act: Callable[[Step, Facts], None],
    most: int = 100_000,
) -> Facts:
    """Step by step until there is none left; what both regions say at the end."""
    for _ in range(most):
        facts = observe()
        step = decide(facts)
        if step is None:
            return facts
        act(step, facts)
    raise MoveFailedError("The move does not come to an end.")
