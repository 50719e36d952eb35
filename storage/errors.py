"""What can go wrong, in one tree.

StorageError
├── ObjectNotFound      no such object (ENOENT)
├── ObjectExists        an exclusive creation came second (EEXIST)
├── VersionMismatch     the object was changed by somebody else (ECANCELED): read again, decide again
├── Blocklisted         this client was fenced: it may never write again (EBLOCKLISTED)
├── Unavailable         no answer within the deadline; whether a write happened is unknown
├── ClusterFull         an OSD is nearly out of space (ENOSPC)
├── BadRequest          arguments that can't be (EINVAL)
└── ImageError          of block devices
    ├── ImageNotFound, SnapshotNotFound
    ├── ImageExists, SnapshotExists
    ├── ImageBusy       in use: it has snapshots, children, a protected snapshot, or somebody's lock
    └── ReadOnly        a snapshot, or an image opened for reading
"""


class StorageError(Exception):
    """The root of the tree; `code` is stable and travels over the wire."""

    code = "error"


class ObjectNotFound(StorageError):
    code = "not_found"


class ObjectExists(StorageError):
    code = "exists"


class VersionMismatch(StorageError):
    code = "version_mismatch"


class Blocklisted(StorageError):
    code = "blocklisted"


class Unavailable(StorageError):
    code = "unavailable"


class ClusterFull(StorageError):
    code = "full"


class BadRequest(StorageError):
    code = "bad_request"


class ImageError(StorageError):
    code = "image"


class ImageNotFound(ImageError):
    code = "image_not_found"


class SnapshotNotFound(ImageError):
    code = "snapshot_not_found"


class ImageExists(ImageError):
    code = "image_exists"


class SnapshotExists(ImageError):
    code = "snapshot_exists"


class ImageBusy(ImageError):
    code = "image_busy"


class ReadOnly(ImageError):
    code = "read_only"
