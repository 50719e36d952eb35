"""Claims: one replica at a time, and only the last one's word counts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from services.volume.names import volume_image
from services.volume.states import Task
from services.volume.work import claims
from services.volume.work.bench import Failed, end
from services.volume.work.claims import Claim, Lost
from services.volume.work.keeper import Keeper
from tests.unit.volume_world import LEASE, Fate, Killed, World

SECONDS = timedelta(seconds=LEASE)


@pytest.fixture
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as directory:
        made = World(Path(directory))
        yield made
        made.close()


def take(world: World, resource_id: str, holder: str = "a") -> Claim | None:
    return world.transactor.write(lambda session: claims.take(session, resource_id, holder, world.now(), SECONDS))


def test_what_one_has_claimed_no_other_takes_until_the_lease_is_over(world: World) -> None:
    volume_id = world.volume()
    first = take(world, volume_id)
    assert first is not None
    assert take(world, volume_id, "b") is None
    world.passed += LEASE + 1
    second = take(world, volume_id, "b")
    assert second is not None
    assert second.attempt > first.attempt


def test_a_claim_that_was_lost_changes_nothing(world: World) -> None:
    volume_id = world.volume()
    first = take(world, volume_id)
    world.passed += LEASE + 1
    second = take(world, volume_id, "b")
    assert first is not None
    assert second is not None

    def late(session: Session) -> None:
        end(session, first, world.now(), None)

    for attempt in (
        late,
        lambda session: end(session, first, world.now(), Failed("no")),
        lambda session: claims.renew(session, first, world.now(), SECONDS),
        lambda session: claims.put_back(session, first, world.now(), SECONDS, failed=True),
    ):
        with pytest.raises(Lost):
            world.transactor.write(attempt)
    assert world.row(volume_id).status == "creating"
    world.transactor.write(lambda session: end(session, second, world.now(), None))
    assert world.row(volume_id).status == "available"


def test_another_order_takes_the_work_away(world: World) -> None:
    volume_id = world.volume()
    creating = take(world, volume_id)
    world.ask(volume_id, "force-delete")
    deleting = take(world, volume_id, "b")
    assert creating is not None
    assert deleting is not None
    assert deleting.task is Task.DELETE
    with pytest.raises(Lost):
        world.transactor.write(lambda session: end(session, creating, world.now(), None))
    assert world.row(volume_id).status == "deleting"


def test_a_keeper_renews_what_is_worked_on_and_notices_what_was_lost(world: World) -> None:
    volume_id, keeper = world.volume(), Keeper(world.transactor, LEASE, world.ticks)
    claim = take(world, volume_id)
    assert claim is not None
    with keeper.keep(claim, world.ticks()) as held:
        world.passed += LEASE * 0.9
        keeper.renew_all()
        world.passed += LEASE * 0.9
        held.check()
        world.passed += LEASE
        with pytest.raises(Lost):
            held.check()
    assert take(world, volume_id, "b") is not None
    with keeper.keep(claim, world.ticks()) as held:
        keeper.renew_all()
        with pytest.raises(Lost):
            held.check()


def test_a_source_is_deleted_only_when_the_copy_is_made(world: World) -> None:
    source = world.volume()
    world.worker().work([source])
    world.write(source, b"data")
    copy = world.volume(source_volid=source)
    with pytest.raises(Killed):
        world.worker(Fate(5, "dies after")).work([copy])
    world.ask(source, "delete")
    world.worker().work([source])
    assert world.row(source).status == "deleting"
    assert volume_image(source) in world.store.list()
    world.settle()
    world.check()
    assert world.row(source).deleted
    assert world.read(copy, 4) == b"data"


def test_a_snapshot_is_deleted_only_when_the_clone_is_made(world: World) -> None:
    source = world.volume()
    world.worker().work([source])
    world.write(source, b"data")
    snapshot = world.snapshot(source)
    world.worker().work([snapshot])
    clone = world.volume(snapshot_id=snapshot)
    world.ask_snapshot(snapshot, "delete")
    world.worker().work([snapshot])
    assert [one.name for one in world.store.info(volume_image(source)).snapshots] == [f"snapshot-{snapshot}"]
    world.settle()
    world.check()
    assert world.read(clone, 4) == b"data"


def test_work_that_can_never_succeed_ends_in_an_error_that_says_why(world: World) -> None:
    volume_id = world.volume(image_id="nothing")
    world.worker().work([volume_id])
    assert world.row(volume_id).status == "error"
    (message,) = world.messages()
    assert "no image nothing" in message.text
    assert world.store.list() == []
    world.ask(volume_id, "delete")
    world.settle()
    assert world.row(volume_id).deleted
