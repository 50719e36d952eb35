"""The `fake` driver: guests that exist as entries in the journal only, for thousands of hosts without a hypervisor."""

from __future__ import annotations

import time
from typing import Any

from services.compute.agent.driver import GuestMissing
from services.compute.agent.journal import Journal
from services.compute.settings import ComputeSettings
from services.compute.states import Power


class FakeDriver:
    """Takes as long as it is told to and does nothing else. Its guests are the agent's journal."""

    hypervisor_type = "fake"

    def __init__(self, journal: Journal, settings: ComputeSettings) -> None:
        self._journal, self._settings = journal, settings

    def capacity(self) -> dict[str, Any]:
        return {
            "vcpus": self._settings.host_vcpus,
            "memory_mb": self._settings.host_memory_mb,
            "disk_gb": self._settings.host_disk_gb,
            "hypervisor_type": self.hypervisor_type,
        }

    def spawn(self, instance_id: str, spec: dict[str, Any]) -> Power:
        time.sleep(self._settings.boot_seconds)
        return Power.RUNNING

    def destroy(self, instance_id: str) -> None:
        """A fake guest leaves nothing behind."""

    def power_on(self, instance_id: str) -> Power:
        self._require(instance_id)
        return Power.RUNNING

    def power_off(self, instance_id: str) -> Power:
        self._require(instance_id)
        return Power.SHUTDOWN

    def reboot(self, instance_id: str) -> Power:
        self._require(instance_id)
        return Power.RUNNING

    def attach_volume(self, instance_id: str, volume: dict[str, Any]) -> None:
        self._require(instance_id)

    def detach_volume(self, instance_id: str, volume: dict[str, Any]) -> None:
        self._require(instance_id)

    def console(self, instance_id: str) -> str:
        entry = self._journal.get(instance_id)
        if entry is None or entry.gone:
            raise GuestMissing(instance_id)
        boots = sum(entry.done.get(order, 0) for order in ("spawn", "power_on", "reboot"))
        return f"FAKE CONSOLE OUTPUT\n{entry.guest.get('name', '')}: {boots} boots\n"

    def _require(self, instance_id: str) -> None:
        entry = self._journal.get(instance_id)
        if entry is None or entry.gone:
            raise GuestMissing(instance_id)
