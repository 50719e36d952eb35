"""What an agent asks of a hypervisor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from services.compute.states import Power


class GuestMissing(Exception):
    """There is no such guest on this host."""


class Driver(Protocol):
    """One host's guests. Every method may be repeated; `op` is the order's number, `spec` says what the guest is like
    and `volumes` in it what it is made with."""

    hypervisor_type: str

    def capacity(self) -> dict[str, Any]: ...

    def spawn(self, instance_id: str, op: int, spec: dict[str, Any]) -> Power: ...

    def destroy(self, instance_id: str) -> None: ...

    def power_on(self, instance_id: str, op: int) -> Power: ...

    def power_off(self, instance_id: str) -> Power: ...

    def reboot(self, instance_id: str, op: int) -> Power: ...

    def attach_volume(self, instance_id: str, volume: dict[str, Any]) -> None: ...

    def detach_volume(self, instance_id: str, volume: dict[str, Any]) -> None: ...

    def snapshot(self, instance_id: str) -> int:
        """The size in bytes of the root disk as it is now; `read_disk` reads that much of it, whatever the guest does
        meanwhile."""
        ...

    def read_disk(self, instance_id: str, size: int) -> Iterator[bytes]:
        """A snapshot's bytes. Raises GuestMissing where the disk is gone by now."""
        ...

    def console(self, instance_id: str) -> str: ...
