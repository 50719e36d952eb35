"""Settings of a monitor process: one frozen class, read from the environment once, in `app`."""

from __future__ import annotations

from environment import Settings


class MonitorSettings(Settings, frozen=True, kw_only=True):
    """Each has a variable `QUORATE_<NAME>`."""

    #: The monitor's name, its place among the others, and where it listens.
    name: str = "mon1"
    rank: int = 0
    listen: str = "0.0.0.0:6789"
    #: "address:port,..." of all monitors, for `status`.
    monitors: str = ""
    #: The etcd member beside it.
    etcd: str = "127.0.0.1:2379"
    fsid: str = "quorate"
    #: An OSD that has been down for so many seconds is out.
    out_seconds: float = 60.0
    log_level: str = "INFO"
