"""The `fake` driver: guests that are an entry in the journal and a small disk, for many hosts without a hypervisor."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from services.compute.agent.disks import Boot, Disks
from services.compute.agent.driver import GuestMissing
from services.compute.agent.journal import Entry, Journal
from services.compute.settings import ComputeSettings
from services.compute.states import Power


class FakeDriver:
    """Takes as long as it is told to. Its guests are the agent's journal, and write their boots on their disks."""

    hypervisor_type = "fake"

    def __init__(self, journal: Journal, disks: Disks, settings: ComputeSettings) -> None:
        self._journal, self._disks, self._settings = journal, disks, settings
        disks.keep_only({guest for guest, entry in journal.all().items() if not entry.gone})

    def capacity(self) -> dict[str, Any]:
        return {
            "vcpus": self._settings.host_vcpus,
            "memory_mb": self._settings.host_memory_mb,
            "disk_gb": self._settings.host_disk_gb,
            "hypervisor_type": self.hypervisor_type,
        }

    def spawn(self, instance_id: str, op: int, spec: dict[str, Any]) -> Power:
        if spec.get("image_ref"):
            self._disks.make(instance_id, spec["image_ref"], spec["disk_gb"])
        time.sleep(self._settings.boot_seconds)
        return self._boot(instance_id, op, spec)

    def _boot(self, instance_id: str, op: int, spec: dict[str, Any]) -> Power:
        name, here = spec.get("hostname") or spec.get("name", ""), self._settings
        self._disks.boot(instance_id, Boot(instance_id, op, f"hostname={name} region={here.region} host={here.name}"))
        return Power.RUNNING

    def destroy(self, instance_id: str) -> None:
        self._disks.remove(instance_id)

    def power_on(self, instance_id: str, op: int) -> Power:
        return self._boot(instance_id, op, self._require(instance_id).guest)

    def power_off(self, instance_id: str) -> Power:
        self._require(instance_id)
        return Power.SHUTDOWN

    def reboot(self, instance_id: str, op: int) -> Power:
        return self._boot(instance_id, op, self._require(instance_id).guest)

    def attach_volume(self, instance_id: str, volume: dict[str, Any]) -> None:
        self._require(instance_id)

    def detach_volume(self, instance_id: str, volume: dict[str, Any]) -> None:
        self._require(instance_id)

    def snapshot(self, instance_id: str) -> int:
        self._require(instance_id)
        return self._disks.length(instance_id) or 0

    def read_disk(self, instance_id: str, size: int) -> Iterator[bytes]:
        try:
            yield from self._disks.read(instance_id, size)
        except FileNotFoundError:
            raise GuestMissing(instance_id) from None

    def console(self, instance_id: str) -> str:
        entry = self._require(instance_id)
        boots = sum(entry.done.get(order, 0) for order in ("spawn", "power_on", "reboot"))
        lines = [
            "FAKE CONSOLE OUTPUT",
            *self._disks.boots(instance_id),
            f"{entry.guest.get('name', '')}: {boots} boots",
        ]
        return "\n".join(lines) + "\n"

    def _require(self, instance_id: str) -> Entry:
        entry = self._journal.get(instance_id)
        if entry is None or entry.gone:
            raise GuestMissing(instance_id)
        return entry
