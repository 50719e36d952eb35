"""The messages of a netfilter queue, as bytes. Pure. Source: linux/netfilter/nfnetlink_queue.h.

The kernel keeps the packet and tells its number; the packet goes on when a verdict on that number comes. One verdict
may be about all packets up to a number.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

SUBSYSTEM = 3 << 8  # NFNL_SUBSYS_QUEUE
PACKET, CONFIGURE, VERDICT_UP_TO = SUBSYSTEM | 0, SUBSYSTEM | 2, SUBSYSTEM | 3
REQUEST = 1  # NLM_F_REQUEST
HEADER = struct.Struct("=IHHII")
GENERAL = struct.Struct("!BBH")  # family, version, the queue
ATTRIBUTE = struct.Struct("=HH")
COMMAND, PARAMETERS, LENGTH, MASK, FLAGS = 1, 2, 3, 4, 5  # NFQA_CFG_…
BIND, NUMBERS_ONLY = 1, 1  # NFQNL_CFG_CMD_BIND; NFQNL_COPY_META, but for the packet itself
FAIL_OPEN, WHOLE = 1, 4  # NFQA_CFG_F_FAIL_OPEN: a full queue lets packets through; NFQA_CFG_F_GSO
PACKET_HEADER, VERDICT_HEADER = 1, 2  # NFQA_PACKET_HDR, NFQA_VERDICT_HDR
ACCEPT = 1  # NF_ACCEPT


def bind(queue: int, length: int) -> bytes:
    """Ask for a queue's packets, of which so many may wait."""
    settings = (
        attribute(COMMAND, struct.pack("!BxH", BIND, 0))
        + attribute(PARAMETERS, struct.pack("!IB", 0, NUMBERS_ONLY))
        + attribute(LENGTH, struct.pack("!I", length))
        + attribute(MASK, struct.pack("!I", FAIL_OPEN | WHOLE))
        + attribute(FLAGS, struct.pack("!I", FAIL_OPEN | WHOLE))
    )
    return message(CONFIGURE, queue, settings)


def let_go(queue: int, number: int) -> bytes:
    """Let all packets up to this number go on."""
    return message(VERDICT_UP_TO, queue, attribute(VERDICT_HEADER, struct.pack("!II", ACCEPT, number)))


def message(kind: int, queue: int, body: bytes) -> bytes:
    """One message to the kernel."""
    payload = GENERAL.pack(0, 0, queue) + body
    return HEADER.pack(HEADER.size + len(payload), kind, REQUEST, 0, 0) + payload


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded."""
    data = ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value
    return data + b"\0" * (-len(data) % 4)


def numbers(data: bytes) -> Iterator[int]:
    """The numbers of the packets that a read from the kernel tells of."""
    while len(data) >= HEADER.size:
        length, kind, *_ = HEADER.unpack_from(data)
        if length < HEADER.size:
            return
        if kind == PACKET:
            value = find(data[HEADER.size + GENERAL.size : length], PACKET_HEADER)
            if value is not None:
                yield int(struct.unpack_from("!I", value)[0])
        data = data[(length + 3) & ~3 :]


def find(data: bytes, wanted: int) -> bytes | None:
    """The value of one attribute."""
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        if length < ATTRIBUTE.size:
            return None
        if kind == wanted:
            return data[ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]
    return None
