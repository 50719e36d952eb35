"""Settings of the compute processes."""

from __future__ import annotations

from services.platform.settings import Settings


class ComputeSettings(Settings, frozen=True, kw_only=True):
    """What compute's processes read from the environment besides the common settings."""

    #: Where the volume service is reached from here; empty in a region without one.
    volume_url: str = ""
    #: The user in whose name volumes are attached (project `service`).
    service_user: str = "nova"
    service_password: str = ""
    #: How often attachments at the volume service that belong to no server are looked for.
    stray_seconds: float = 60.0
    #: Whether a server may have volumes of another availability zone (Nova's option of this name).
    cross_az_attach: bool = False
    #: The zone of hosts that no aggregate puts into one (Nova's option of this name).
    default_availability_zone: str = "nova"
    #: A service that has not reported for so long is down.
    down_after_seconds: float = 6.0
    #: How often each service reports its life.
    report_seconds: float = 1.5
    #: A build is tried on so many hosts before the instance goes to ERROR.
    build_attempts: int = 3
    #: What a host of the fake driver claims to have.
    host_vcpus: int = 16
    host_memory_mb: int = 32_768
    host_disk_gb: int = 500
    #: How much a host keeps of the images that it booted.
    image_cache_mb: int = 2048
    #: How long a fake guest takes to boot.
    boot_seconds: float = 0.2
