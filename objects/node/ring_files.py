"""Writes the rings with Swift's own builder, and the builders beside them for `swift-ring-builder` to read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from node.rings import PART_POWER, PORTS, SEED, devices, entry, replicas


def write(subnets: Sequence[str], directory: Path) -> dict[str, str]:
    """One ring file for each kind of server; returns a digest of each."""
    from swift.common.ring import RingBuilder

    digests = {}
    for kind in PORTS:
        builder = RingBuilder(PART_POWER, replicas(subnets), 1)
        for device in devices(subnets):
            builder.add_dev(entry(device, kind))
        builder.rebalance(seed=SEED)
        builder.validate()
        builder.save(str(directory / f"{kind}.builder"))
        path = directory / f"{kind}.ring.gz"
        builder.get_ring().save(str(path))
        digests[kind] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests
