"""Work on the store is killed, or put to sleep, at each of its calls in turn; another replica goes on with it.

Whatever happens: everything ends, the data are right, and the store holds nothing that belongs to nobody.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from services.volume.work.orphans import clear_orphans
from tests.unit.volume_world import Fate, Killed, World

DATA = b"something to keep " * 5000
LATER = b"written by a guest"


@dataclass(frozen=True)
class Story:
    """What is to be done (`begin` stores it and says for whom), and what must be true at its end."""

    begin: Callable[[World], str]
    end: Callable[[World, str], None]


def filled(world: World) -> str:
    """A volume that is available and has data."""
    volume_id = world.volume()
    world.worker().work([volume_id])
    world.write(volume_id, DATA)
    return volume_id


def with_snapshot(world: World) -> tuple[str, str]:
    volume_id = filled(world)
    snapshot_id = world.snapshot(volume_id)
    world.worker().work([snapshot_id])
    return volume_id, snapshot_id


def is_available(world: World, volume_id: str) -> None:
    assert world.row(volume_id).status == "available"


def has_data(world: World, volume_id: str) -> None:
    is_available(world, volume_id)
    assert world.read(volume_id, len(DATA)) == DATA


def from_image(world: World) -> str:
    world.pictures.data["i"] = DATA + bytes(2 << 20) + DATA
    return world.volume(image_id="i")


def has_image(world: World, volume_id: str) -> None:
    has_data(world, volume_id)
    assert world.read(volume_id, len(DATA), len(DATA) + (2 << 20)) == DATA


def from_snapshot(world: World) -> str:
    volume_id, snapshot_id = with_snapshot(world)
    world.write(volume_id, LATER)
    return world.volume(snapshot_id=snapshot_id, size=2)


def from_volume(world: World) -> str:
    return world.volume(source_volid=filled(world), size=2)


def delete(world: World) -> str:
    volume_id = filled(world)
    world.ask(volume_id, "delete")
    return volume_id


def delete_in_mid_creation(world: World) -> str:
    """The creation has begun under a name of its own, and its replica has died."""
    volume_id = from_volume(world)
    with pytest.raises(Killed):
        world.worker(Fate(7, "dies after")).work([volume_id])
    world.ask(volume_id, "force-delete")
    return volume_id


def is_gone(world: World, volume_id: str) -> None:
    assert world.row(volume_id).deleted


def snapshot(world: World) -> str:
    return world.snapshot(filled(world))


def delete_snapshot(world: World) -> str:
    """One that two volumes were cloned from, which keep their data."""
    _, snapshot_id = with_snapshot(world)
    for _ in range(2):
        world.worker().work([world.volume(snapshot_id=snapshot_id)])
    world.ask_snapshot(snapshot_id, "delete")
    return snapshot_id


def all_have_data(world: World, _snapshot_id: str) -> None:
    for image in world.store.list():
        has_data(world, image.removeprefix("volume-"))


def extend(world: World) -> str:
    volume_id = filled(world)
    world.ask(volume_id, "extend", new_size=3)
    return volume_id


def is_larger(world: World, volume_id: str) -> None:
    has_data(world, volume_id)
    assert world.row(volume_id).size == 3


def upload(world: World) -> str:
    volume_id = filled(world)
    world.pictures.queued["up"] = "raw"
    world.ask(volume_id, "upload", image_id="up")
    return volume_id


def is_uploaded(world: World, volume_id: str) -> None:
    has_data(world, volume_id)
    assert world.pictures.data["up"] == DATA


def revert(world: World) -> str:
    volume_id, snapshot_id = with_snapshot(world)
    world.write(volume_id, LATER)
    world.ask(volume_id, "revert", snapshot_id=snapshot_id)
    return volume_id


STORIES = {
    "create": Story(lambda world: world.volume(), is_available),
    "create from image": Story(from_image, has_image),
    "create from snapshot": Story(from_snapshot, has_data),
    "create from volume": Story(from_volume, has_data),
    "delete": Story(delete, is_gone),
    "delete in mid-creation": Story(delete_in_mid_creation, is_gone),
    "create snapshot": Story(snapshot, all_have_data),
    "delete snapshot": Story(delete_snapshot, all_have_data),
    "extend": Story(extend, is_larger),
    "upload": Story(upload, is_uploaded),
    "revert": Story(revert, has_data),
}


Fresh = Callable[[], World]


@pytest.fixture(scope="module")
def fresh() -> Iterator[Fresh]:
    """A world with nothing in it."""
    with tempfile.TemporaryDirectory() as directory:
        made = World(Path(directory))

        def begin_again() -> World:
            made.clear()
            return made

        yield begin_again
        made.close()


@pytest.mark.parametrize("name", STORIES)
def test_undisturbed_work_needs_no_other_replica(fresh: Fresh, name: str) -> None:
    made = fresh()
    resource_id = STORIES[name].begin(made)
    made.worker().work([resource_id])
    STORIES[name].end(made, resource_id)
    clear_orphans(made.bench())
    made.check()


@pytest.mark.parametrize("kind", ["dies before", "dies after"])
@pytest.mark.parametrize("name", STORIES)
def test_another_replica_continues_whatever_call_was_the_last(fresh: Fresh, name: str, kind: str) -> None:
    story, at = STORIES[name], 0
    while True:
        made = fresh()
        resource_id, fate = story.begin(made), Fate(at, kind)
        with suppress(Killed):
            made.worker(fate).work([resource_id])
        made.settle()
        made.check()
        story.end(made, resource_id)
        if not fate.came:
            break
        at += 1
    assert at > 3, "the story has no calls to be interrupted at"


@pytest.mark.parametrize("name", STORIES)
def test_a_replica_that_slept_does_no_harm_when_it_wakes(fresh: Fresh, name: str) -> None:
    story, at = STORIES[name], 0
    while True:
        made = fresh()
        resource_id, fate = story.begin(made), Fate(at, "sleeps")
        sleeper = threading.Thread(target=made.worker(fate).work, args=([resource_id],), daemon=True)
        sleeper.start()
        while sleeper.is_alive() and not fate.asleep.wait(0.005):
            pass
        made.settle()
        story.end(made, resource_id)
        fate.woken.set()
        sleeper.join(30)
        assert not sleeper.is_alive()
        made.settle(2)
        made.check()
        story.end(made, resource_id)
        if not fate.came:
            break
        at += 1


def test_what_a_guest_wrote_survives_a_replica_that_wakes_late(fresh: Fresh) -> None:
    """A creation sleeps at each write; the volume was made by another replica, and written to, before it goes on."""
    at = 0
    while True:
        made = fresh()
        volume_id, fate = from_image(made), Fate(at, "sleeps")
        sleeper = threading.Thread(target=made.worker(fate).work, args=([volume_id],), daemon=True)
        sleeper.start()
        while sleeper.is_alive() and not fate.asleep.wait(0.005):
            pass
        made.settle()
        made.write(volume_id, LATER)
        fate.woken.set()
        sleeper.join(30)
        made.settle(2)
        made.check()
        assert made.read(volume_id, len(LATER)) == LATER
        if not fate.came:
            break
        at += 1


@pytest.mark.slow
def test_a_volume_deleted_while_its_creation_slept_leaves_nothing(fresh: Fresh) -> None:
    for name in ("create", "create from image", "create from snapshot", "create from volume"):
        at = 0
        while True:
            made = fresh()
            volume_id, fate = STORIES[name].begin(made), Fate(at, "sleeps")
            sleeper = threading.Thread(target=made.worker(fate).work, args=([volume_id],), daemon=True)
            sleeper.start()
            while sleeper.is_alive() and not fate.asleep.wait(0.005):
                pass
            made.ask(volume_id, "force-delete")
            made.settle()
            fate.woken.set()
            sleeper.join(30)
            made.settle(2)
            assert volume_id not in "".join(made.store.list())
            is_gone(made, volume_id)
            if not fate.came:
                break
            at += 1
