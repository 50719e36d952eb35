"""The volume service as compute sees it, in memory, by Cinder's rules; and conductors that die over a request to it.

What becomes of the next requests is decided by whoever uses it: `lost` (no answer, no effect), `unheard` (the effect,
but no answer), `late` (no answer, and the effect when nobody expects it any more), `killed` and `killed after` (the
conductor dies before the request, or over its answer).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from services.compute.volume_service import AttachmentView, Refused, SnapshotView, VolumeView
from services.platform.faults import Unavailable

FATES = ("lost", "unheard", "late", "killed", "killed after")

T = TypeVar("T")


class Killed(Exception):
    """The conductor is no more."""


@dataclass
class Held:
    """One attachment."""

    view: AttachmentView
    status: str = "reserved"
    host: str = ""


@dataclass
class FakeVolumes:
    """See the module's head; `fates` are those of the next requests, in turn."""

    volumes: dict[str, VolumeView] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    snapshots: dict[str, SnapshotView] = field(default_factory=dict)
    fates: list[str] = field(default_factory=list)
    late: list[Callable[[], Any]] = field(default_factory=list)
    made: set[str] = field(default_factory=set)
    #: A volume that is made ends in this status.
    outcome: str = "available"
    number: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def add(self, volume_id: str, project_id: str = "p", status: str = "available", **more: Any) -> str:
        self.volumes[volume_id] = VolumeView(volume_id, project_id, status, 1, "nova", bootable=True, **more)
        return volume_id

    def recover(self) -> None:
        """From now on all goes well; what was late arrives."""
        self.fates.clear()
        for effect in self.late:
            try:
                effect()
            except Refused:
                continue
        self.late.clear()

    def status(self, volume_id: str) -> str | None:
        return self.volumes[volume_id].status if volume_id in self.volumes else None

    def of_pair(self, instance_id: str, volume_id: str) -> list[Held]:
        return [
            one for one in self.held.values()
            if (one.view.instance_id, one.view.volume_id) == (instance_id, volume_id)
        ]  # fmt: skip

    # What compute asks.

    def show(self, volume_id: str) -> VolumeView | None:
        return self._asked(lambda: self._show(volume_id))

    def snapshot(self, snapshot_id: str) -> SnapshotView | None:
        return self._asked(lambda: self.snapshots.get(snapshot_id))

    def named(self, name: str, project_id: str) -> list[VolumeView]:
        return self._asked(
            lambda: [self.volumes[key] for key, other in self.names.items() if other == name and key in self.volumes]
        )

    def create(self, wanted: Mapping[str, Any], token: str) -> str:
        return self._asked(lambda: self._create(wanted, token))

    def delete(self, volume_id: str) -> None:
        self._asked(lambda: self._delete(volume_id))

    def attachments(self, instance_id: str | None = None, volume_id: str | None = None) -> list[AttachmentView]:
        def work() -> list[AttachmentView]:
            views = [one.view for one in self.held.values()]
            return [
                one for one in views
                if instance_id in (None, one.instance_id) and volume_id in (None, one.volume_id)
            ]  # fmt: skip

        return self._asked(work)

    def reserve(self, volume_id: str, instance_id: str) -> str:
        return self._asked(lambda: self._reserve(volume_id, instance_id))

    def connect(self, attachment_id: str, connector: Mapping[str, Any]) -> dict[str, Any]:
        return self._asked(lambda: self._connect(attachment_id, connector))

    def complete(self, attachment_id: str) -> None:
        self._asked(lambda: self._complete(attachment_id))

    def release(self, attachment_id: str) -> None:
        self._asked(lambda: self._release(attachment_id))

    def _asked(self, effect: Callable[[], T]) -> T:
        match self.fates.pop(0) if self.fates else "":
            case "lost":
                raise Unavailable
            case "late":
                self.late.append(effect)
                raise Unavailable
            case "unheard":
                effect()
                raise Unavailable
            case "killed":
                raise Killed
            case "killed after":
                effect()
                raise Killed
        return effect()

    # Its rules.

    def _show(self, volume_id: str) -> VolumeView | None:
        volume = self.volumes.get(volume_id)
        if volume is not None and volume.status == "creating":
            self._set(volume_id, self.outcome)
        return volume

    def _create(self, wanted: Mapping[str, Any], token: str) -> str:
        assert token == "the user's token"
        volume_id = f"made-{next(self.number)}"
        self.names[volume_id] = wanted["name"]
        self.made.add(volume_id)
        return self.add(volume_id, status="creating")

    def _delete(self, volume_id: str) -> None:
        if volume_id not in self.volumes:
            return
        if self.volumes[volume_id].status not in ("available", "error"):
            raise Refused(f"volume {volume_id} is {self.volumes[volume_id].status}")
        del self.volumes[volume_id]

    def _reserve(self, volume_id: str, instance_id: str) -> str:
        volume = self.volumes.get(volume_id)
        if volume is None:
            raise Refused("no such volume", 404)
        moving = bool(self.of_pair(instance_id, volume_id)) and volume.status in ("in-use", "reserved", "attaching")
        if not moving and volume.status != "available" and not (volume.multiattach and volume.status == "in-use"):
            raise Refused(f"volume {volume_id} is {volume.status}")
        attachment_id = f"attachment-{next(self.number):04}"
        self.held[attachment_id] = Held(AttachmentView(attachment_id, instance_id, volume_id))
        if not moving:
            self._set(volume_id, "reserved")
        return attachment_id

    def _find(self, attachment_id: str) -> Held:
        if attachment_id not in self.held:
            raise Refused("no such attachment", 404)
        return self.held[attachment_id]

    def _connect(self, attachment_id: str, connector: Mapping[str, Any]) -> dict[str, Any]:
        one = self._find(attachment_id)
        others = [other for key, other in self.held.items() if key != attachment_id]
        if any(other.view.volume_id == one.view.volume_id and other.host == connector["host"] for other in others):
            raise Refused("duplicate connectors", 409)
        if (one.status, one.host) != ("attached", connector["host"]):
            one.status, one.host = "attaching", connector["host"]
            self._set(one.view.volume_id, "attaching")
        return {"driver_volume_type": "rbd", "attachment_id": attachment_id, "host": connector["host"]}

    def _complete(self, attachment_id: str) -> None:
        one = self._find(attachment_id)
        if one.status not in ("attaching", "attached"):
            raise Refused(f"the attachment is {one.status}")
        one.status = "attached"
        self._set(one.view.volume_id, "in-use")

    def _release(self, attachment_id: str) -> None:
        one = self.held.pop(attachment_id, None)
        if one is None:
            return
        left = [other.status for other in self.held.values() if other.view.volume_id == one.view.volume_id]
        ranks = {"attached": "in-use", "attaching": "attaching", "reserved": "reserved"}
        self._set(one.view.volume_id, next((ranks[status] for status in ranks if status in left), "available"))

    def _set(self, volume_id: str, status: str) -> None:
        if volume_id in self.volumes:
            self.volumes[volume_id] = replace(self.volumes[volume_id], status=status)
