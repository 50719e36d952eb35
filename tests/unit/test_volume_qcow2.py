"""Images in qcow2 as the service writes them are what QEMU's own tool takes them for."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from services.volume import qcow2

SIZES = [1 << 16, (1 << 20) + 3584, 600 << 20, 5 << 30]


def write(path: Path, size: int, share: float) -> bytes:
    """A device of `size` bytes with `share` of its clusters in use, as qcow2 and as raw beside it."""
    chance = random.Random(size)
    used = bytearray(chance.random() < share for _ in range(-(-size // qcow2.CLUSTER)))
    with path.open("wb") as image, path.with_suffix(".raw").open("wb") as raw:
        raw.truncate(size)
        for table in qcow2.tables(size, used):
            image.write(table)
        for number, one in enumerate(used):
            if one:
                data = chance.randbytes(min(qcow2.CLUSTER, size - number * qcow2.CLUSTER))
                image.write(data.ljust(qcow2.CLUSTER, b"\0"))
                raw.seek(number * qcow2.CLUSTER)
                raw.write(data)
    return bytes(used)


@pytest.mark.skipif(shutil.which("qemu-img") is None, reason="qemu-img is not installed")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("share", [0.0, 0.01])
def test_qemu_reads_back_what_was_written(tmp_path: Path, size: int, share: float) -> None:
    path = tmp_path / "image.qcow2"
    write(path, size, share)
    subprocess.run(["qemu-img", "check", str(path)], check=True, capture_output=True)
    subprocess.run(["qemu-img", "compare", str(path), str(path.with_suffix(".raw"))], check=True, capture_output=True)


@pytest.mark.parametrize("size", SIZES)
def test_the_tables_are_whole_clusters_and_point_behind_themselves(size: int) -> None:
    used = [1] + [0] * (-(-size // qcow2.CLUSTER) - 1)
    head = b"".join(qcow2.tables(size, used))
    assert len(head) % qcow2.CLUSTER == 0
    magic, version, *_ = struct.unpack(">4sI", head[:8])
    assert (magic, version) == (b"QFI\xfb", 3)
    assert struct.unpack(">Q", head[24:32]) == (size,)
    (l1_at,) = struct.unpack(">Q", head[40:48])
    (l2,) = struct.unpack(">Q", head[l1_at : l1_at + 8])
    l2_at = l2 & ~(1 << 63)
    (data,) = struct.unpack(">Q", head[l2_at : l2_at + 8])
    assert data & ~(1 << 63) == len(head), "the first cluster of data is where the tables end"
