"""The image service's settings."""

from __future__ import annotations

from services.platform.settings import Settings


class ImageSettings(Settings, frozen=True, kw_only=True):
    """What an image replica needs to know. Where `object_urls` is empty, its data is in `data_dir`/images, which all
    replicas see."""

    port: int = 9292
    #: The largest image that may be uploaded, in bytes (one tebibyte).
    image_size_limit: int = 1 << 40
    #: An upload of which nothing was heard for so many seconds has died with its replica.
    upload_lease_seconds: float = 15.0
    #: How often a replica looks for dead uploads and for data that no image names.
    sweep_seconds: float = 10.0
    #: Files younger than this many seconds are left alone by the sweep.
    sweep_grace_seconds: float = 60.0
    #: Swift's entrances, separated by spaces or commas, the own region's first; empty: image data is in a directory.
    object_urls: str = ""
    #: The user in whose name image data is kept in Swift (project `service`).
    service_user: str = "glance"
    service_password: str = ""
    #: A larger image consists of segments of this size. A segment is in memory until it is stored.
    object_segment_bytes: int = 32 << 20
