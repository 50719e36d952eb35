"""Writing an image in QEMU's format qcow2 (version 3, docs/interop/qcow2.txt) as a stream. Pure.

Which clusters hold anything must be known first; then the tables can be written before the data that they point to:

    header | L1 table | L2 tables | refcount table | refcount blocks | clusters with data
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Final

#: The format's unit, bytes.
CLUSTER: Final = 64 << 10
_PER_TABLE: Final = CLUSTER // 8
_PER_REFCOUNT_BLOCK: Final = CLUSTER // 2
#: "This cluster has exactly one reference": it may be written in place.
_COPIED: Final = 1 << 63


def _ceil(amount: int, unit: int) -> int:
    return -(-amount // unit)


def tables(size: int, used: Sequence[int]) -> Iterator[bytes]:
    """Everything before the data of a device of `size` bytes, in whole clusters.

    `used` has one item for each of the device's clusters, true where it holds anything but zeros; the data of those
    follow in their order, the last one filled up with zeros.
    """
    l1_size = max(1, _ceil(len(used), _PER_TABLE))
    filled = [table for table in range(l1_size) if any(used[table * _PER_TABLE : (table + 1) * _PER_TABLE])]
    l1_at = CLUSTER
    l2_at = l1_at + _ceil(l1_size * 8, CLUSTER) * CLUSTER
    refcounts_at = l2_at + len(filled) * CLUSTER
    before = refcounts_at // CLUSTER
    data = sum(1 for one in used if one)
    table_clusters, blocks = _refcounts(before + data)
    data_at = refcounts_at + (table_clusters + blocks) * CLUSTER

    yield _header(size, l1_size, l1_at, refcounts_at, table_clusters)
    place = {table: l2_at + index * CLUSTER for index, table in enumerate(filled)}
    yield _padded(b"".join(struct.pack(">Q", place[t] | _COPIED if t in place else 0) for t in range(l1_size)))
    next_data = data_at
    for table in filled:
        entries = []
        for one in used[table * _PER_TABLE : (table + 1) * _PER_TABLE]:
            entries.append(next_data | _COPIED if one else 0)
            next_data += CLUSTER if one else 0
        yield _padded(struct.pack(f">{len(entries)}Q", *entries))
    first_block = refcounts_at + table_clusters * CLUSTER
    yield _padded(struct.pack(f">{blocks}Q", *(first_block + index * CLUSTER for index in range(blocks))))
    left = before + table_clusters + blocks + data
    for _ in range(blocks):
        counted = min(left, _PER_REFCOUNT_BLOCK)
        yield _padded(b"\x00\x01" * counted)
        left -= counted


def _refcounts(others: int) -> tuple[int, int]:
    """How many clusters the refcount table and its blocks take, which count themselves too."""
    table, blocks = 1, 1
    while True:
        needed = _ceil(others + table + blocks, _PER_REFCOUNT_BLOCK)
        if (_ceil(needed, _PER_TABLE), needed) == (table, blocks):
            return table, blocks
        table, blocks = _ceil(needed, _PER_TABLE), needed


def _header(size: int, l1_size: int, l1_at: int, refcounts_at: int, refcount_clusters: int) -> bytes:
    start = struct.pack(
        ">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, 0, 0, 16, size, 0, l1_size, l1_at, refcounts_at, refcount_clusters, 0, 0
    )
    # No features; refcounts of 16 bits; the header's length. After it, an empty list of extensions.
    return _padded(start + struct.pack(">QQQII", 0, 0, 0, 4, 104))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % CLUSTER)
