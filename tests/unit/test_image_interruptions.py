"""The life of image data, interrupted after every step: whatever was going on, no image is active without its whole
data, and the sweep of another replica leaves no data without an image."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from services.image import bootstrap, images
from services.image.directory_store import DirectoryStore
from services.image.models import Image
from services.image.rendering import Documents
from services.image.service import Service
from services.image.settings import ImageSettings
from services.image.statuses import IN_FLIGHT
from services.image.store import BlobStore
from services.image.sweep import Sweep
from services.image.swift_account import Account
from services.image.swift_store import SwiftStore
from services.image.uploads import STAGING, UPLOAD, Purpose, Received, Uploads
from services.platform.context import Access, Context
from services.platform.database import Transactor
from services.platform.faults import Conflict, NotFound, Unavailable
from services.platform.request import RequestKey
from services.platform.times import utcnow
from tests.unit.swift_fake import FakeSwift, OwnToken

# A replica that dies does not close its connections.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CONTENT = b"all of it"
RECEIVED = Received(len(CONTENT), "md5", "sha512")
IMAGE = "fa4dac40-af0e-5b92-bfcd-4bea00b3ae7b"


@dataclass
class World:
    """A service, the time, and the steps of replicas that die."""

    service: Service
    now: datetime

    def status(self) -> str | None:
        def work(session: Session) -> str | None:
            image = session.get(Image, IMAGE)
            return image.status if image else None

        return self.service.read(work)

    def context(self) -> Context:
        member = Access("u", "u", "d", "p", "p", "d", None, False, frozenset({"member"}), 0.0)
        return Context(member, RequestKey(uuid.uuid4()), "token")

    def upload_steps(self, blob: str, purpose: Purpose = UPLOAD) -> list[Callable[[], object]]:
        uploads, store = self.service.uploads, self.service.store
        writers = []
        return [
            lambda: uploads.begin(self.context(), IMAGE, blob, purpose),
            lambda: writers.append(store.create(blob)),
            lambda: writers[0].write(CONTENT[:4]),
            lambda: writers[0].write(CONTENT[4:]),
            lambda: writers[0].commit(),  # noqa: PLW0108 - there is no writer yet
            lambda: uploads.finish(IMAGE, blob, RECEIVED, purpose),
        ]

    def delete_steps(self) -> list[Callable[[], object]]:
        found: list[str] = []
        context = self.context()
        return [
            lambda: found.extend(self.service.write(lambda session: images.delete(session, context, IMAGE))),
            lambda: [self.service.store.delete(blob) for blob in found],
        ]

    def sweep_later(self) -> None:
        """Another replica sweeps when every lease that was not renewed has ended."""
        self.now += timedelta(minutes=5)
        Sweep(self.service, lambda: True).once()

    def check(self) -> None:
        """The invariant."""

        def named(session: Session) -> set[str]:
            image = session.get(Image, IMAGE)
            return {blob for blob in (image.location, image.staged) if blob} if image else set()

        blobs = self.service.read(named)
        assert set(self.service.store.names(0)) == blobs
        assert self.status() not in IN_FLIGHT or blobs
        self.check_visible()

    def check_visible(self) -> None:
        """What is active is whole."""
        if self.status() == "active":
            location = self.service.read(lambda session: session.get_one(Image, IMAGE).location)
            assert location is not None
            reader = self.service.store.open(location)
            assert reader.read(0, 100) == CONTENT
            reader.close()


@pytest.fixture
def swift() -> Iterator[FakeSwift]:
    made = FakeSwift()
    made.entrance()
    yield made
    made.close()


def in_swift(swift: FakeSwift) -> BlobStore:
    """Where CONTENT consists of two segments."""
    return SwiftStore(Account([swift.entrances[0].url], OwnToken(), patience=0), segment_bytes=6)


@pytest.fixture(params=["directory", "swift"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "swift":
        return in_swift(request.getfixturevalue("swift"))
    return DirectoryStore(tmp_path / "images")


def inhabited(store: BlobStore, tmp_path: Path) -> World:
    """A world with one image, which is queued."""
    transactor = Transactor(f"sqlite:///{tmp_path}/image.sqlite")
    bootstrap.upgrade(transactor.engine)
    service = Service(
        settings=ImageSettings(sweep_grace_seconds=0),
        transactor=transactor,
        store=store,
        uploads=Uploads(transactor, 15, lambda: made.now),
        threads=ThreadPoolExecutor(1),
        documents=Documents(),
    )
    made = World(service, utcnow())
    formats = {"disk_format": "raw", "container_format": "bare"}
    service.write(lambda session: session.add(Image(id=IMAGE, owner="p", request_key="k", properties={}, **formats)))
    return made


@pytest.fixture
def world(store: BlobStore, tmp_path: Path) -> World:
    return inhabited(store, tmp_path)


def blob() -> str:
    return f"{IMAGE}.{uuid.uuid4().hex}"


@pytest.mark.parametrize("survived", range(7))
@pytest.mark.parametrize("purpose", [UPLOAD, STAGING], ids=["upload", "staging"])
def test_an_upload_whose_replica_dies(world: World, purpose: Purpose, survived: int) -> None:
    for step in world.upload_steps(blob(), purpose)[:survived]:
        step()
    assert world.status() != "active" or survived == 6
    world.sweep_later()
    world.check()
    if survived < 6:
        assert world.status() == "queued"
        for step in world.upload_steps(blob()):
            step()
        assert world.status() == "active"
    world.sweep_later()
    world.check()


@pytest.mark.parametrize("survived", range(3))
def test_a_deletion_whose_replica_dies(world: World, survived: int) -> None:
    for step in world.upload_steps(blob()):
        step()
    for step in world.delete_steps()[:survived]:
        step()
    world.sweep_later()
    world.check()
    assert world.status() == ("active" if survived == 0 else None)


@pytest.mark.parametrize("overtaken_before", range(1, 6))
def test_an_upload_that_is_overtaken_changes_nothing(world: World, overtaken_before: int) -> None:
    slow = world.upload_steps(blob())
    for step in slow[:overtaken_before]:
        step()
    with pytest.raises(Conflict):
        world.service.uploads.begin(world.context(), IMAGE, blob(), UPLOAD)
    world.now += timedelta(minutes=5)
    for step in world.upload_steps(blob()):
        step()
    for step in slow[overtaken_before:-1]:
        step()
    with pytest.raises(Conflict):
        slow[-1]()
    world.sweep_later()
    world.check()
    assert world.status() == "active"


def test_what_may_be_run_twice(world: World) -> None:
    name = blob()
    begin, *middle, finish = world.upload_steps(name)
    for step in (begin, begin, *middle, finish, finish):
        step()
    assert world.service.uploads.release(IMAGE, name) is False
    assert not world.service.uploads.renew(IMAGE, name)
    world.sweep_later()
    world.check()
    assert world.status() == "active"


def test_releasing_an_upload(world: World) -> None:
    name = blob()
    for step in world.upload_steps(name)[:3]:
        step()
    assert world.service.uploads.renew(IMAGE, name)
    assert world.service.uploads.release(IMAGE, name)
    assert not world.service.uploads.renew(IMAGE, name)
    assert world.status() == "queued"


def test_a_deletion_repeated_by_the_same_request(world: World) -> None:
    context = world.context()
    for _ in range(2):
        world.service.write(lambda session: images.delete(session, context, IMAGE))
    with pytest.raises(NotFound):
        world.service.write(lambda session: images.delete(session, world.context(), IMAGE))


@pytest.mark.parametrize("done", [False, True], ids=["not heard", "done"])
@pytest.mark.parametrize("request_number", range(9))
def test_a_replica_that_dies_at_any_request_to_swift(
    swift: FakeSwift, tmp_path: Path, request_number: int, done: bool
) -> None:
    """An upload of two segments, then the image's deletion."""
    world = inhabited(in_swift(swift), tmp_path)
    swift.dies_at, swift.done = request_number, done
    survived = 0
    with suppress(Unavailable):
        for step in (*world.upload_steps(blob()), *world.delete_steps()):
            step()
            survived += 1
    assert (survived < 8) == (request_number < 8)
    swift.revive()
    world.check_visible()
    world.service = dataclasses.replace(world.service, store=in_swift(swift))
    world.sweep_later()
    world.check()
    if world.status() is None:
        assert swift.names("images") == swift.names("images_segments") == []
