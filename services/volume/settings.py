"""Settings of a volume replica."""

from __future__ import annotations

from services.platform.settings import Settings
from services.volume.stores import check_address


class VolumeSettings(Settings, frozen=True, kw_only=True):
    """What a volume replica reads from the environment besides the common settings."""

    port: int = 8776
    #: Where the block devices live: `quorate://monitor,monitor/pool`, or `file:///directory` for local files.
    store_url: str = "file:///var/lib/quorate/volumes"
    #: The user in whose name image data is read and written (project `service`).
    service_user: str = "cinder"
    service_password: str = ""
    #: The zone that all volumes of the region are in.
    availability_zone: str = "nova"
    #: The type of volumes that were asked for without one.
    default_volume_type: str = "__DEFAULT__"
    #: Work of which nothing was heard for so many seconds has died with its replica.
    lease_seconds: float = 5.0
    #: So many pieces of work are done at a time.
    work_threads: int = 4
    #: How often images in the store that belong to nothing any more are looked for.
    orphan_seconds: float = 60.0
    #: A replica that has not reported for so long is down.
    down_after_seconds: float = 6.0
    #: How often each replica reports its life.
    report_seconds: float = 1.5

    def __post_init__(self) -> None:
        check_address(self.store_url)
