"""Replicas of the volume service on one database and one store, that can be killed or put to sleep at any call."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.platform.database import Transactor
from services.platform.image_data import ImageGone
from services.platform.times import utcnow
from services.volume.images import ImageView
from services.volume.local_store import LocalStore
from services.volume.models import Base, Snapshot, UserMessage, Volume, VolumeType, Work
from services.volume.names import snapshot_name, volume_image
from services.volume.rows import change_snapshot, change_volume
from services.volume.settings import VolumeSettings
from services.volume.states import Task
from services.volume.work.bench import Bench
from services.volume.work.claims import order, overdue
from services.volume.work.keeper import Keeper
from services.volume.work.orphans import clear_orphans
from services.volume.work.worker import Worker
from storage.client.block_store import BlockStore

LEASE = 5.0
#: Volumes here are counted in units of 4 MiB.
UNIT = 4 << 20


class Killed(BaseException):
    """The process ended here."""


class Fate:
    """What happens at the `at`-th call of a replica: nothing, its death before or after the call, or a long sleep."""

    def __init__(self, at: int, kind: str) -> None:
        self.at, self.kind = at, kind
        self.calls = 0
        self.asleep, self.woken = threading.Event(), threading.Event()

    @property
    def came(self) -> bool:
        return self.calls > self.at

    def call(self, function: Callable[..., Any], *args: Any, **more: Any) -> Any:
        number, self.calls = self.calls, self.calls + 1
        if number != self.at:
            return function(*args, **more)
        if self.kind == "dies before":
            raise Killed
        if self.kind == "sleeps":
            self.asleep.set()
            assert self.woken.wait(30)
        result = function(*args, **more)
        if self.kind == "dies after":
            raise Killed
        return result


class Fated:
    """Something whose every call is one of its replica's calls; what it returns (devices, streams) too."""

    def __init__(self, target: Any, fate: Fate) -> None:
        self._target, self._fate = target, fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._target, name)
        if not callable(found):
            return found

        def called(*args: Any, **more: Any) -> Any:
            result = self._fate.call(found, *args, **more)
            return Fated(result, self._fate) if name == "open" else result

        return called


class Pictures:
    """An image service in memory."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.queued: dict[str, str] = {}

    def show(self, image_id: str) -> ImageView | None:
        if image_id not in self.data and image_id not in self.queued:
            return None
        status = "active" if image_id in self.data else "queued"
        return ImageView(image_id, "n", status, self.queued.get(image_id, "raw"), "bare", 0, 0, 0, None, {})

    def download(self, image_id: str) -> Iterator[bytes]:
        if image_id not in self.data:
            raise ImageGone(f"no image {image_id}")
        data = self.data[image_id]
        for start in range(0, len(data), 1 << 20):
            yield data[start : start + (1 << 20)]

    def upload(self, image_id: str, blocks: Iterator[bytes]) -> None:
        if image_id not in self.queued:
            raise ImageGone(f"no image {image_id}")
        taken = b"".join(block.rstrip(b"\0") for block in blocks)
        self.data.setdefault(image_id, taken)


class World:
    """One database, one store, one image service; time passes when it is told to."""

    def __init__(self, directory: Path) -> None:
        self.transactor = Transactor(f"sqlite:///{directory}/db.sqlite")
        Base.metadata.create_all(self.transactor.engine)
        self._stores, self._number = directory, 0
        self.settings = VolumeSettings(lease_seconds=LEASE, name="v", database_url="unused")
        self.clear()

    def clear(self) -> None:
        """Begin again, with nothing: cheaper than another database."""
        self._number += 1
        self.store = LocalStore(self._stores / f"store{self._number}")
        self.pictures = Pictures()
        self.passed = 0.0
        self.kind_id = str(uuid.uuid4())
        kind = VolumeType(id=self.kind_id, number=0, name="t", extra_specs={}, is_public=True)

        def work(session: Session) -> None:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(table.delete())
            session.add(kind)

        self.transactor.write(work)

    def now(self) -> datetime:
        return utcnow() + timedelta(seconds=self.passed)

    def ticks(self) -> float:
        return time.monotonic() + self.passed

    def bench(self, fate: Fate | None = None) -> Bench:
        store, images, transactor = self.store, self.pictures, self.transactor
        if fate is not None:
            return Bench(
                cast(Transactor, Fated(transactor, fate)), cast(BlockStore, Fated(store, fate)),
                cast(Pictures, Fated(images, fate)), self.settings, self.now, UNIT,
            )  # fmt: skip
        return Bench(transactor, store, images, self.settings, self.now, UNIT)

    def worker(self, fate: Fate | None = None) -> Worker:
        bench = self.bench(fate)
        return Worker(bench, Keeper(bench.transactor, LEASE, self.ticks))

    def volume(self, **more: Any) -> str:
        """What the API stores for a new volume."""
        volume_id, now = str(uuid.uuid4()), self.now()
        row = {"size": 1, "meta": {}, "status": "creating", "name": None} | more

        def work(session: Session) -> None:
            session.add(
                Volume(
                    id=volume_id, number=time.time_ns(), project_id="p", user_id="u", type_id=self.kind_id,
                    availability_zone="nova", created_at=now, deleted=False, changed_by=None, **row,
                )
            )  # fmt: skip
            order(session, volume_id, "volume", Task.CREATE, {}, "req-1", now)

        self.transactor.write(work)
        return volume_id

    def snapshot(self, volume_id: str) -> str:
        snapshot_id, now = str(uuid.uuid4()), self.now()

        def work(session: Session) -> None:
            session.add(
                Snapshot(
                    id=snapshot_id, number=time.time_ns(), volume_id=volume_id, project_id="p", user_id="u", size=1,
                    status="creating", type_id=self.kind_id, meta={}, created_at=now, deleted=False,
                )
            )  # fmt: skip
            order(session, snapshot_id, "snapshot", Task.CREATE_SNAPSHOT, {}, "req-1", now)

        self.transactor.write(work)
        return snapshot_id

    def ask(self, volume_id: str, event: str, **args: Any) -> None:
        """What the API does for an action."""

        def work(session: Session) -> None:
            row = session.get(Volume, volume_id)
            assert row is not None
            change_volume(session, row, event, f"req-{uuid.uuid4()}", self.now(), args)

        self.transactor.write(work)

    def ask_snapshot(self, snapshot_id: str, event: str) -> None:
        def work(session: Session) -> None:
            row = session.get(Snapshot, snapshot_id)
            assert row is not None
            change_snapshot(session, row, event, f"req-{uuid.uuid4()}", self.now())

        self.transactor.write(work)

    def write(self, volume_id: str, data: bytes, offset: int = 0) -> None:
        device = self.store.open(volume_image(volume_id))
        device.write(offset, data)
        device.close()

    def read(self, volume_id: str, length: int, offset: int = 0) -> bytes:
        device = self.store.open(volume_image(volume_id), read_only=True)
        found = device.read(offset, length)
        device.close()
        return found

    def settle(self, rounds: int = 8) -> None:
        """Everybody lives from now on; as often as the sweep would, a replica takes what is overdue."""
        worker = self.worker()
        for _ in range(rounds):
            self.passed += LEASE * 3
            due = self.transactor.read(lambda session: overdue(session, self.now(), 100))
            if not due:
                break
            worker.work(due)
        clear_orphans(self.bench())

    def rows(self, model: Any) -> list[Any]:
        return list(self.transactor.read(lambda session: session.scalars(select(model)).all()))

    def row(self, volume_id: str) -> Volume:
        return next(row for row in self.rows(Volume) if row.id == volume_id)

    def messages(self) -> list[UserMessage]:
        return self.rows(UserMessage)

    def check(self) -> None:
        """What must hold when all is at rest: nothing is left to do, and the store has what the rows say, no more."""
        assert [row.task for row in self.rows(Work) if row.task or row.check_at or row.holder] == []
        volumes = {row.id: row for row in self.rows(Volume)}
        snapshots = self.rows(Snapshot)
        assert {row.status for row in [*volumes.values(), *snapshots]} <= {"available", "error", "deleted"}
        live = {volume_image(row.id): row for row in volumes.values() if row.status == "available"}
        assert set(self.store.list()) == set(live), "an image that belongs to nothing, or one that is missing"
        for image, row in live.items():
            info = self.store.info(image)
            assert info.size == row.size * UNIT
            expected = {snapshot_name(one.id) for one in snapshots if not one.deleted and one.volume_id == row.id}
            assert {one.name for one in info.snapshots} == expected
            assert all(one.protected for one in info.snapshots)

    def close(self) -> None:
        self.transactor.close()
