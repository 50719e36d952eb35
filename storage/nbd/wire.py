"""The NBD protocol's numbers and layouts. Source: the NetworkBlockDevice project's doc/proto.md (fixed newstyle)."""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag

HELLO = b"NBDMAGICIHAVEOPT"
OPTION_MAGIC = b"IHAVEOPT"
OPTION_REPLY_MAGIC = 0x3E889045565A9
REQUEST_MAGIC = 0x25609513
SIMPLE_REPLY_MAGIC = 0x67446698
CHUNK_MAGIC = 0x668E33EF

SERVER_FLAGS = struct.Struct(">H")
CLIENT_FLAGS = struct.Struct(">I")
OPTION = struct.Struct(">8sII")
OPTION_REPLY = struct.Struct(">QIII")
REQUEST = struct.Struct(">IHHQQI")
SIMPLE_REPLY = struct.Struct(">IIQ")
CHUNK = struct.Struct(">IHHQI")
READ_CHUNK = struct.Struct(">IHHQIQ")
#: No option may be longer, bytes; no request either.
LONGEST_OPTION, LONGEST_REQUEST = 64 << 10, 32 << 20
PREFERRED_BLOCK = 4096
FIXED_NEWSTYLE, NO_ZEROES = 1, 2
CHUNK_DONE = 1


class Option(IntEnum):
    """What a client may ask in the handshake."""

    EXPORT_NAME = 1
    ABORT = 2
    LIST = 3
    INFO = 6
    GO = 7
    STRUCTURED_REPLY = 8
    LIST_META_CONTEXT = 9
    SET_META_CONTEXT = 10


class OptionReply(IntEnum):
    """What it is answered."""

    ACK = 1
    SERVER = 2
    INFO = 3
    META_CONTEXT = 4
    UNSUPPORTED = (1 << 31) + 1
    POLICY = (1 << 31) + 2
    INVALID = (1 << 31) + 3
    UNKNOWN = (1 << 31) + 6
    TOO_BIG = (1 << 31) + 9


class Info(IntEnum):
    """What there is to know of an export."""

    EXPORT = 0
    BLOCK_SIZE = 3


class Transmission(IntFlag):
    """What an export can do."""

    HAS_FLAGS = 1
    READ_ONLY = 2
    FLUSH = 4
    FUA = 8
    TRIM = 32
    WRITE_ZEROES = 64
    MULTI_CONN = 256
    CACHE = 1024


class Command(IntEnum):
    """What a request wants."""

    READ = 0
    WRITE = 1
    DISCONNECT = 2
    FLUSH = 3
    TRIM = 4
    CACHE = 5
    WRITE_ZEROES = 6
    BLOCK_STATUS = 7


class Flag(IntFlag):
    """How it wants it."""

    FUA = 1
    NO_HOLE = 2
    REQ_ONE = 8


class ChunkType(IntEnum):
    """The kinds of structured replies."""

    NONE = 0
    OFFSET_DATA = 1
    BLOCK_STATUS = 5
    ERROR = (1 << 15) + 1


class Errno(IntEnum):
    """The errors that the protocol knows."""

    EPERM = 1
    EIO = 5
    EINVAL = 22
    ENOSPC = 28
    ENOTSUP = 95
    ESHUTDOWN = 108


ALLOCATION = "base:allocation"
ALLOCATION_ID = 1
HOLE_AND_ZERO = 3


def export_flags(*, read_only: bool) -> int:
    """Several connections see one device: each acknowledged write is durable and seen by all."""
    flags = Transmission.HAS_FLAGS | Transmission.FLUSH | Transmission.MULTI_CONN | Transmission.CACHE
    if read_only:
        return int(flags | Transmission.READ_ONLY)
    return int(flags | Transmission.FUA | Transmission.TRIM | Transmission.WRITE_ZEROES)
