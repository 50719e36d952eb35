"""The netfilter queue's messages, as the kernel writes and reads them."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "wan"))

from delay import queue


def told(number: int) -> bytes:
    """A packet as the kernel tells of it: another attribute before its header."""
    mark = queue.attribute(3, struct.pack("!I", 7))
    header = queue.attribute(queue.PACKET_HEADER, struct.pack("!IHB", number, 0x0800, 3))
    return queue.message(queue.PACKET, 80, mark + header)


def test_the_numbers_of_all_packets_of_a_read_are_found_in_order() -> None:
    assert list(queue.numbers(told(1) + told(2) + told(3))) == [1, 2, 3]


def test_what_is_no_packet_is_passed_over() -> None:
    error = queue.HEADER.pack(queue.HEADER.size + 4, 2, 0, 0, 0) + struct.pack("=i", 0)
    assert list(queue.numbers(error + told(9))) == [9]
    assert list(queue.numbers(b"")) == []
    assert list(queue.numbers(told(4)[:-30])) == []
    assert list(queue.numbers(bytes(40))) == []


def test_a_verdict_is_about_all_packets_up_to_a_number() -> None:
    data = queue.let_go(80, 0x01020304)
    length, kind, *_ = queue.HEADER.unpack_from(data)
    assert (length, kind) == (len(data), 0x0303)
    assert queue.GENERAL.unpack_from(data, queue.HEADER.size) == (0, 0, 80)
    assert data[-8:] == bytes([0, 0, 0, 1, 1, 2, 3, 4])


def test_every_attribute_is_padded_to_four_bytes() -> None:
    for size in range(9):
        assert len(queue.attribute(1, bytes(size))) % 4 == 0
    assert len(queue.bind(80, 1024)) % 4 == 0
