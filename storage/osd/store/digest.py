"""What a replica says of an object in a scrub: equal for equal content, wherever its blocks lie."""

from __future__ import annotations

from array import array

import xxhash


def digest(info: bytes, sums: array[int]) -> int:
    """Over an object's info and its blocks' checksums in order (0 is a hole; holes at the end don't count)."""
    state = xxhash.xxh3_64(len(info).to_bytes(4, "little") + info)
    state.update(sums.tobytes().rstrip(b"\0"))
    return state.intdigest()
