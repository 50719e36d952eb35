"""A server's move to another region, killed at every request and run again: there is one server at the end, with its
disk, and never a moment without one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from moves_fake import PROJECT, SMALL, FakeRegion, Killed, World

from lab.errors import NotReadyError
from lab.moves.errors import MoveFailedError, MoveRefusedError
from lab.moves.facts import FROM_KEY, STATUS_KEY, TO_KEY, Facts, Flavor, Image, Keypair, Room, Server
from lab.moves.move import Move, Wishes, new_server
from lab.moves.plan import Step, next_step, next_step_back

SOURCE = Server(
    "old", "web", "ACTIVE", SMALL, PROJECT, "base", {"role": "front"}, key_name="mine", tags=("a", "b"),
    description="the site",
)  # fmt: skip
KEY = Keypair("mine", "f1", "ssh-ed25519 AAAA")


class Lab:
    """A server in one region, and the command that moves it."""

    def __init__(self, status: str = "ACTIVE") -> None:
        self.world = World()
        self.one, self.two = FakeRegion("one", self.world), FakeRegion("two", self.world)
        self.one.add(replace(SOURCE, status=status))
        self.one.keys["mine"] = KEY
        self.steps: list[Step] = []

    def move(self, wishes: Wishes | None = None, clock: Callable[[], float] = lambda: 0.0) -> Move:
        return Move(self.one, self.two, "old", "web", wishes or Wishes(), self.steps.append, lambda: None, clock)

    def requests_of(self, run: Callable[[Move], object]) -> int:
        run(self.move())
        return self.world.requests

    def check_moved(self, status: str = "ACTIVE") -> None:
        for _ in range(5):
            self.world.time_passes()
        assert self.one.servers == {}
        (moved,) = self.two.servers.values()
        assert (moved.name, moved.status, moved.key_name, moved.tags) == ("web", status, "mine", ("a", "b"))
        assert moved.metadata["role"] == "front"
        assert self.two.disks[moved.id] == ["old", moved.id], "the disk did not go on"
        assert self.world.image_of == {}, "the image stays"
        assert self.world.events == ["old is deleted"], "something else was deleted too"

    def check_back(self, status: str = "ACTIVE") -> None:
        for _ in range(5):
            self.world.time_passes()
        assert self.two.servers == {}
        assert self.one.servers == {"old": replace(SOURCE, status=status)}
        assert self.world.image_of == {}


def test_a_move_takes_each_step_once_and_deletes_the_old_server_last() -> None:
    made = Lab()
    moved = made.move().forward()
    assert moved.status == "ACTIVE"
    steps = [step for step, before in zip(made.steps, [None, *made.steps], strict=False) if step is not before]
    assert steps == [
        Step.MARK, Step.STOP, Step.AWAIT_SOURCE, Step.SNAPSHOT, Step.AWAIT_IMAGE, Step.AWAIT_COPY, Step.BOOT,
        Step.AWAIT_BOOT, Step.CHECK, Step.DELETE_SOURCE, Step.AWAIT_DELETE, Step.DELETE_IMAGE,
    ]  # fmt: skip
    made.check_moved()


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", ["ACTIVE", "SHUTOFF"])
def test_killed_at_any_request_and_run_again(status: str, done: bool) -> None:
    for fatal in range(Lab(status).requests_of(Move.forward)):
        made = Lab(status)
        made.world.fatal, made.world.done = fatal, done
        with pytest.raises(Killed):
            made.move().forward()
        assert made.one.servers or "ACTIVE" in {one.status for one in made.two.servers.values()} or status != "ACTIVE"
        made.move().forward()
        made.check_moved(status)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("status", ["ACTIVE", "SHUTOFF"])
def test_killed_at_any_request_and_taken_back(status: str, done: bool) -> None:
    for fatal in range(Lab(status).requests_of(Move.forward)):
        made = Lab(status)
        made.world.fatal, made.world.done = fatal, done
        with pytest.raises(Killed):
            made.move().forward()
        if "old is deleted" in made.world.events:
            continue  # past the point of no return: see below
        made.move().back()
        made.check_back(status)


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_taking_it_back_can_be_killed_too(done: bool) -> None:
    def half_way() -> Lab:
        made = Lab()
        made.two.outcome = "ERROR"
        with pytest.raises(MoveFailedError, match=r"did not boot in two: No host\."):
            made.move().forward()
        made.world.requests = 0
        return made

    most = half_way().requests_of(Move.back)
    for fatal in range(most):
        made = half_way()
        made.world.fatal, made.world.done = fatal, done
        with pytest.raises(Killed):
            made.move().back()
        made.move().back()
        made.check_back()


def test_what_is_deleted_cannot_be_taken_back() -> None:
    made = Lab()
    made.move(Wishes(keep_image=True)).forward()
    assert len(made.world.image_of) == 1
    with pytest.raises(MoveRefusedError, match="web is ACTIVE there"):
        made.move().back()
    assert made.move(Wishes(keep_image=True)).forward().name == "web", "a third run finds nothing to do"


def test_a_server_that_does_not_boot_there_is_tried_again() -> None:
    made = Lab()
    made.two.outcome = "ERROR"
    with pytest.raises(MoveFailedError):
        made.move().forward()
    assert made.one.servers["old"].status == "SHUTOFF"
    made.two.outcome = "ACTIVE"
    made.move().forward()
    assert made.one.servers == {}


def test_a_disk_that_did_not_go_on_keeps_the_old_server() -> None:
    made = Lab()
    made.two.forgetful = True
    with pytest.raises(MoveRefusedError, match="does not go on from the old server's"):
        made.move().forward()
    assert "old" in made.one.servers
    made.move().back()
    made.check_back()


def test_a_step_that_does_not_end_is_given_up() -> None:
    made, seconds = Lab(), iter(range(100_000))
    made.two.behind = 10_000
    with pytest.raises(NotReadyError, match="within 60 s: read the image in the other region"):
        made.move(Wishes(timeout=60), lambda: float(next(seconds))).forward()


def refused(change: Callable[[Lab], None], wishes: Wishes | None = None) -> str:
    """The reason; nothing was touched."""
    made = Lab()
    change(made)
    before = dict(made.one.servers)
    with pytest.raises(MoveRefusedError) as caught:
        made.move(wishes).forward()
    assert made.one.servers == before
    assert (made.two.servers, made.world.image_of) == ({}, {})
    return caught.value.message


def with_server(**values: object) -> Callable[[Lab], None]:
    return lambda made: made.one.servers.update({"old": replace(SOURCE, **values)})  # type: ignore[arg-type]


def test_what_cannot_be_moved_is_refused_before_anything_is_touched() -> None:
    assert "Detach them" in refused(with_server(volumes=("v1",)))
    assert "boots from the volume v1" in refused(with_server(volumes=("v1",), image_id=""))
    assert "unlock" in refused(with_server(is_locked=True))
    assert "ERROR" in refused(with_server(status="ERROR"))
    assert "project other" in refused(with_server(project_id="other"))
    assert "cores" in refused(lambda made: setattr(made.two, "left", Room(cores=0)))
    other_key = replace(KEY, fingerprint="f2")
    assert "another one" in refused(lambda made: made.two.keys.update({"mine": other_key}))
    large = Flavor("2", "large", 2, 4096, 20)
    assert "`--flavor large` would fit" in refused(lambda made: setattr(made.two, "offered", [large]))
    tiny = replace(SMALL, memory_mb=64)
    assert "is smaller in two" in refused(lambda made: setattr(made.two, "offered", [tiny, large]))
    assert "no flavor none" in refused(lambda made: None, Wishes(flavor="none"))


def test_a_server_that_was_started_meanwhile_needs_a_decision() -> None:
    marked = replace(SOURCE, metadata={TO_KEY: "two", STATUS_KEY: "ACTIVE"})
    target = replace(SOURCE, id="new", metadata={FROM_KEY: "old"})
    with pytest.raises(MoveRefusedError, match="started again"):
        next_step(Facts(marked, (Image("i", "active", 1),), (target,)), "two", readable=True, keep_image=False)
    stale = next_step(Facts(marked, (Image("i", "active", 1),)), "two", readable=True, keep_image=False)
    assert stale is Step.DROP_IMAGE
    with pytest.raises(MoveRefusedError, match="is being moved to two"):
        next_step(Facts(marked), "three", readable=False, keep_image=False)


def test_of_two_copies_the_older_stays() -> None:
    targets = tuple(replace(SOURCE, id=name, metadata={FROM_KEY: "old"}) for name in ("new-1", "new-2"))
    assert next_step(Facts(SOURCE, (), targets), "two", readable=True, keep_image=False) is Step.DROP_DOUBLE


def test_nothing_to_take_back() -> None:
    assert next_step_back(Facts(SOURCE)) is None


def test_the_new_server_is_made_like_the_old_one() -> None:
    source = replace(SOURCE, hostname="web-1", user_data="aGk=", config_drive=True, metadata={"a": "b", TO_KEY: "two"})
    assert new_server(source, "image", SMALL, "mine") == {
        "name": "web", "imageRef": "image", "flavorRef": "1", "metadata": {"a": "b", FROM_KEY: "old"},
        "networks": "none", "tags": ["a", "b"], "description": "the site", "config_drive": True, "key_name": "mine",
        "user_data": "aGk=", "hostname": "web-1",
    }  # fmt: skip
