"""Settings of an OSD process: one frozen class, read from the environment once, in `app`."""

from __future__ import annotations

from pathlib import Path

from environment import Settings


class OsdProcessSettings(Settings, frozen=True, kw_only=True):
    """Each has a variable `QUORATE_<NAME>`."""

    #: The OSD's number: "osd.0" is 0.
    osd: int = 0
    #: Where it listens, and (where that differs) how others reach it: "address:port".
    listen: str = "0.0.0.0:6800"
    public: str = ""
    #: "address:port,address:port,..." of all monitors.
    monitors: str = "127.0.0.1:6789"
    fsid: str = "quorate"
    #: Where it stands: failure domains of placement.
    host: str = ""
    zone: str = "nova"
    weight: float = 1.0
    data_dir: Path = Path("/var/lib/quorate")
    journal_mib: int = 64
    log_level: str = "INFO"
