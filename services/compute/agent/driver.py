"""What an agent asks of a hypervisor."""

from __future__ import annotations

from typing import Any, Protocol

from services.compute.states import Power


class GuestMissing(Exception):
    """There is no such guest on this host."""


class Driver(Protocol):
    """One host's guests. Every method may be repeated; `spec` is the order's, `volumes` in it what it is made with."""

    hypervisor_type: str

    def capacity(self) -> dict[str, Any]: ...

    def spawn(self, instance_id: str, spec: dict[str, Any]) -> Power: ...

    def destroy(self, instance_id: str) -> None: ...

    def power_on(self, instance_id: str) -> Power: ...

    def power_off(self, instance_id: str) -> Power: ...

    def reboot(self, instance_id: str) -> Power: ...

    def attach_volume(self, instance_id: str, volume: dict[str, Any]) -> None: ...

    def detach_volume(self, instance_id: str, volume: dict[str, Any]) -> None: ...

    def console(self, instance_id: str) -> str: ...
