"""Straw2: each candidate draws a straw whose length depends only on the key, its name and its weight; longest wins.

A change of one weight therefore moves only what that candidate wins or loses, never data between two others.
Source: S. Weil et al., CRUSH (SC 2006), and Ceph's straw2 buckets (2015).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import xxhash


def straw(key: str, candidate: str, weight: float) -> float:
    """The length of a candidate's straw for a key; negative infinity where it has no weight."""
    if weight <= 0:
        return -math.inf
    drawn = (xxhash.xxh3_64_intdigest(f"{key}/{candidate}".encode()) >> 11) + 1
    return math.log(drawn / (1 << 53)) / weight


def ranked(key: str, weights: Mapping[str, float]) -> list[str]:
    """All candidates with a weight, the longest straw first: the first n are n draws without putting back."""
    straws = {name: straw(key, name, weight) for name, weight in weights.items() if weight > 0}
    return sorted(straws, key=lambda name: (-straws[name], name))
