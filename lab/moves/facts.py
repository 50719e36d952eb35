"""What a move is about, and what both regions say of it: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: On the server that is moved: the region that it goes to, and its status before.
TO_KEY, STATUS_KEY = "quorate:move", "quorate:move_status"
#: On the new server: the id of the old one, and that its disk was found to go on from the old one's.
FROM_KEY, CHECKED_KEY = "quorate:moved_from", "quorate:moved_checked"
#: On the image: the id of the server that it is of.
IMAGE_KEY = "quorate:move"
#: Keys of these belong to the move and are not the user's.
MARKS = frozenset({TO_KEY, STATUS_KEY, FROM_KEY, CHECKED_KEY})


@dataclass(frozen=True, slots=True)
class Flavor:
    """Memory in MiB, disk in GiB."""

    id: str
    name: str
    vcpus: int
    memory_mb: int
    disk_gb: int

    def holds(self, other: Flavor) -> bool:
        """Whether it has at least as much of everything."""
        return self.vcpus >= other.vcpus and self.memory_mb >= other.memory_mb and self.disk_gb >= other.disk_gb


@dataclass(frozen=True, slots=True)
class Server:
    """One server, as far as a move is concerned."""

    id: str
    name: str
    status: str
    flavor: Flavor
    project_id: str = ""
    image_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_busy: bool = False
    is_locked: bool = False
    volumes: tuple[str, ...] = ()
    key_name: str | None = None
    tags: tuple[str, ...] = ()
    description: str | None = None
    hostname: str | None = None
    user_data: str | None = None
    config_drive: bool = False
    has_network: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """The image that carries the disk. Size in bytes."""

    id: str
    status: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Keypair:
    name: str
    fingerprint: str
    public_key: str
    type: str = "ssh"


@dataclass(frozen=True, slots=True)
class Room:
    """What a project's quota leaves in a region; None: any amount."""

    instances: int | None = None
    cores: int | None = None
    memory_mb: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Both regions at one moment. `targets`: the new servers, oldest first; there should be one at most."""

    source: Server | None
    images: tuple[Image, ...] = ()
    targets: tuple[Server, ...] = ()

    @property
    def image(self) -> Image | None:
        return self.images[0] if self.images else None

    @property
    def target(self) -> Server | None:
        return self.targets[0] if self.targets else None
