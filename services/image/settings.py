"""The image service's settings."""

from __future__ import annotations

from services.platform.settings import Settings


class ImageSettings(Settings):
    """What an image replica needs to know; its data is in `data_dir`/images, which all replicas see."""

    port: int = 9292
    #: The largest image that may be uploaded, in bytes (one tebibyte).
    image_size_limit: int = 1 << 40
    #: An upload of which nothing was heard for so many seconds has died with its replica.
    upload_lease_seconds: float = 15.0
    #: How often a replica looks for dead uploads and for data that no image names.
    sweep_seconds: float = 10.0
    #: Files younger than this many seconds are left alone by the sweep.
    sweep_grace_seconds: float = 60.0
