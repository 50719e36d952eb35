"""Compute's processes around one database, without a broker: their own code, and a bag for what they would send."""

from __future__ import annotations

import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from image_service_fake import FakeImages, ProcessKilled
from msgspec.structs import replace
from sqlalchemy import select
from sqlalchemy.orm import Session
from volume_service_fake import FakeVolumes, Killed

from services.compute import server_images, topics
from services.compute.agent.disks import Disks
from services.compute.agent.fake import FakeDriver
from services.compute.agent.image_cache import ImageCache
from services.compute.agent.journal import Entry, Journal
from services.compute.agent.obey import Agent
from services.compute.conductor.advance import Advance, take_overdue
from services.compute.conductor.attaching import Attaching
from services.compute.conductor.attachment_steps import Steps
from services.compute.conductor.reports import Reports
from services.compute.conductor.strays import Strays
from services.compute.conductor.unwanted_images import UnwantedImages
from services.compute.instances import start_delete, start_task
from services.compute.models import Allocation, Base, ComputeNode, Instance, ServerImage, Service, VolumeAttachment
from services.compute.scheduler.app import Scheduler
from services.compute.sealed import Seal
from services.compute.settings import ComputeSettings
from services.compute.states import IllegalTransition, Task, VmState, begin
from services.platform.database import Transactor
from services.platform.faults import Unavailable
from services.platform.times import utcnow

HOSTS = ("compute1", "compute2", "compute3")
CAPACITY = {"vcpus": 2, "memory_mb": 4096, "disk_gb": 100, "hypervisor_type": "fake", "host_ip": "127.0.0.1"}
IMAGE, IMAGE_DATA = "00000000-0000-4000-8000-00000000000a", b"an operating system"
FLAVOR = {"name": "f", "vcpus": 1, "memory_mb": 512, "disk_gb": 1, "ephemeral_gb": 0, "swap_mb": 0, "extra_specs": {}}


class Bag:
    """Takes what processes send; the test takes it out in any order."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str, dict[str, Any]]] = []

    def send(self, topic: str, method: str, **args: Any) -> None:
        self.messages.append((topic, method, args))


class Region:
    """Compute's processes around one database; `volumes` stands for the volume service."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ahead = timedelta()
        self.volumes = FakeVolumes()
        self.images = FakeImages()
        self.images.add(IMAGE, IMAGE_DATA)
        self.seal = Seal("secret")
        self.settings = ComputeSettings(boot_seconds=0, data_dir=directory, database_url="unused")
        self.transactor = Transactor(f"sqlite:///{directory}/db.sqlite")
        Base.metadata.create_all(self.transactor.engine)
        self.bag = Bag()
        self.advance = Advance(self.transactor, self.bag, self.settings)
        self.reports = Reports(self.transactor, self.bag, self.settings)
        steps = Steps(self.volumes, self.seal)
        self.attaching = Attaching(self.transactor, self.bag, steps, self.settings, self.now)
        self.strays = Strays(self.transactor, self.volumes, self.attaching, self.now)
        self.scheduler = Scheduler(self.transactor, self.bag, self.settings)
        self.unwanted = UnwantedImages(self.transactor, self.images, self.now)
        self.journals = {host: Journal(directory / host) for host in HOSTS}
        self.disks: dict[str, Disks] = {}
        self.agents: dict[str, Agent] = {}
        for host in HOSTS:
            self.start_agent(host)
        self.alive = set(HOSTS)
        for host in HOSTS:
            self.reports.life(host, CAPACITY)
            self.set_alive(host, True)

    def start_agent(self, host: str) -> None:
        """The host's agent begins anew, with what is on its disk."""
        journal, settings = self.journals[host], replace(self.settings, name=host)
        cache = ImageCache(self.directory / f"{host}-cache", self.images, 1 << 20)
        self.disks[host] = Disks(self.directory / f"{host}-disks", cache)
        driver = FakeDriver(journal, self.disks[host], settings)
        self.agents[host] = Agent(host, "127.0.0.1", driver, self.images, journal, self.bag, patience=60)

    def now(self) -> datetime:
        return utcnow() + self.ahead

    def set_alive(self, host: str, alive: bool) -> None:
        """A host that is alive has reported an hour from now, a dead one an hour ago: nobody waits for the clock."""

        def work(session: Session) -> None:
            row = session.scalar(select(Service).where(Service.host == host))
            assert row is not None
            row.last_seen_at = utcnow() + timedelta(hours=1 if alive else -1)

        self.transactor.write(work)
        (self.alive.add if alive else self.alive.discard)(host)

    def create(self, *attachments: VolumeAttachment, image: str = "") -> str:
        """What the API does for a new server, with rows for the volumes that it is to have."""
        instance_id, now = str(uuid.uuid4()), utcnow()

        def work(session: Session) -> None:
            session.add(
                Instance(
                    id=instance_id, number=len(session.scalars(select(Instance)).all()), project_id="p", user_id="u",
                    name="n", hostname="n", flavor_id="1", flavor=FLAVOR, image_ref=image, reservation_id="r", meta={},
                    vm_state=VmState.BUILDING, task_state=Task.SCHEDULING, request_id="req-1", check_at=now, tags=[],
                    op=1, tried=[], deleted=False, created_at=now,
                )
            )  # fmt: skip
            for row in attachments:
                row.instance_id = instance_id
                session.add(row)

        self.transactor.write(work)
        self.bag.send(topics.CONDUCTOR, "advance", instance_ids=[instance_id])
        return instance_id

    def ask(self, instance_id: str, action: str) -> None:
        """What the API does for an action; one that may not begin now is refused, as there."""

        def work(session: Session) -> None:
            row = session.get(Instance, instance_id)
            assert row is not None
            if row.deleted or row.task_state == Task.DELETING:
                return
            if action == "delete":
                start_delete(session, row, "req-2", utcnow())
                return
            try:
                task = begin(action, VmState(row.vm_state), Task(row.task_state) if row.task_state else None)
            except IllegalTransition:
                return
            start_task(row, task, "req-3", utcnow())

        self.transactor.write(work)
        self.bag.send(topics.CONDUCTOR, "advance", instance_ids=[instance_id])

    def ask_for_image(self, instance_id: str, image_id: str, *, dies_after: str = "") -> bool:
        """What the API does for an image of a server; it may die over it, `announced` or `made`."""

        def announce(session: Session) -> bool:
            row = session.get(Instance, instance_id)
            if row is None or row.deleted or not self._may_begin(row):
                return False
            server_images.announce(session, image_id, instance_id, "req-4", self.now())
            return True

        def start(session: Session) -> bool:
            row = session.get(Instance, instance_id)
            if row is None or row.deleted or not self._may_begin(row) or not server_images.want(session, image_id):
                server_images.give_up(session, image_id, self.now())
                return False
            start_task(row, Task.IMAGE_SNAPSHOT, "req-4", utcnow())
            return True

        if not self.transactor.write(announce) or dies_after == "announced":
            return False
        self.images.queue(image_id)
        if dies_after == "made" or not self.transactor.write(start):
            return False
        self.bag.send(topics.CONDUCTOR, "advance", instance_ids=[instance_id])
        return True

    @staticmethod
    def _may_begin(row: Instance) -> bool:
        try:
            begin("createImage", VmState(row.vm_state), Task(row.task_state) if row.task_state else None)
        except IllegalTransition:
            return False
        return True

    def deliver(self, message: tuple[str, str, dict[str, Any]]) -> None:
        topic, method, args = message
        if topic == topics.SCHEDULER:
            self.scheduler.schedule(**args)
        elif topic == topics.CONDUCTOR:
            handler = {"advance": self.advance.advance, "outcome": self.reports.outcome,
                       "inventory": self.reports.inventory, "attachments": self.attaching.work,
                       "volume_outcome": self.attaching.outcome}[method]  # fmt: skip
            with suppress(Killed):
                handler(**args)
        else:
            host = topic.removeprefix("agent.")
            if host in self.alive:
                try:
                    self.agents[host].obey(**args)
                except ProcessKilled:
                    self.start_agent(host)

    def sweep(self) -> None:
        """The sweep as it would be when every step's patience has passed."""
        later = self.now() + timedelta(minutes=1)
        due = self.transactor.write(lambda session: take_overdue(session, later))
        if due:
            self.advance.advance(due)
        self.ahead += timedelta(seconds=20)
        with suppress(Killed):
            self.attaching.sweep()
        with suppress(ProcessKilled, Unavailable):
            self.unwanted.sweep()

    def settle(self) -> None:
        """All hosts return and nothing is lost any more: a few rounds must be enough for everything to end."""
        for host in HOSTS:
            self.set_alive(host, True)
        self.volumes.recover()
        self.images.recover()
        for _ in range(10):
            self.strays.look()
            self.sweep()
            for agent in self.agents.values():
                agent.report_inventory()
            while self.bag.messages:
                self.deliver(self.bag.messages.pop(0))

    def rows(self) -> list[Instance]:
        return list(self.transactor.read(lambda session: session.scalars(select(Instance)).all()))

    def guests(self) -> dict[str, dict[str, Entry]]:
        return {
            host: {guest: entry for guest, entry in journal.all().items() if not entry.gone}
            for host, journal in self.journals.items()
        }

    def check(self) -> None:
        """What must hold when all is at rest."""
        rows = self.rows()
        allocations = self.transactor.read(lambda session: session.scalars(select(Allocation)).all())
        assert [row for row in rows if row.task_state or row.check_at] == [], "a task that nobody finishes"
        running = {row.id: row.host for row in rows if not row.deleted and row.vm_state != VmState.ERROR}
        for row in rows:
            assert row.vm_state in (VmState.ACTIVE, VmState.STOPPED, VmState.ERROR, VmState.DELETED)
            if row.vm_state == VmState.ERROR:
                assert row.fault is not None
                assert row.fault["message"].startswith(("No valid host", "Exceeded", "There is no such guest"))
        held = {allocation.instance_id: allocation.host for allocation in allocations}
        assert {key: host for key, host in held.items() if key in running} == running
        guests = self.guests()
        for instance_id, host in running.items():
            assert [name for name in HOSTS if instance_id in guests[name]] == [host], "one guest, on its own host"
        for number in Counter(held.values()).values():
            assert number <= CAPACITY["vcpus"] * 4  # type: ignore[operator]
        for host, entries in guests.items():
            for instance_id, entry in entries.items():
                assert entry.done["spawn"] == 1, "a guest was made twice"
                boots = [int(line.split()[1].removeprefix("boot=")) for line in self.disks[host].boots(instance_id)]
                done = sum(entry.done.get(order, 0) for order in ("spawn", "power_on", "reboot"))
                assert not boots or boots == list(range(1, done + 1)), "the guest does not remember each boot once"
        disks = {host: {path.stem for path in (self.directory / f"{host}-disks").iterdir()} for host in HOSTS}
        for host in HOSTS:
            assert disks[host] <= set(guests[host]), "the disk of a guest that is not here"
        left = self.transactor.read(lambda session: session.scalars(select(ServerImage)).all())
        assert left == [], "an image that nobody finishes or removes"
        assert {image.status for image in self.images.images.values()} == {"active"}, "a half-made image stays"
        assert set(self.images.filled.values()) <= {1}, "an image was filled twice"

    def close(self) -> None:
        self.transactor.close()


@contextmanager
def region() -> Iterator[Region]:
    with tempfile.TemporaryDirectory() as directory:
        made = Region(Path(directory))
        yield made
        made.close()


def nodes(made: Region) -> list[ComputeNode]:
    return list(made.transactor.read(lambda session: session.scalars(select(ComputeNode)).all()))
