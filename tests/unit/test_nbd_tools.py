"""The NBD server, as the programs that people use see it: libnbd's tools, QEMU's, fio."""

from __future__ import annotations

import asyncio
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import uvloop

from storage.client.images import Images
from storage.client.memory_context import MemoryCluster
from storage.nbd.exports import Exports
from storage.nbd.server import NbdServer
from tests.tools import need

MIB = 1 << 20
SIZE = 24 * MIB


class ServerThread:
    """An NBD server on images in memory, in a thread of its own."""

    def __init__(self, *, read_only: bool = False) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()
        self.images = Images(MemoryCluster().connect("client.nbd"))
        self.server = NbdServer(Exports(self.images, read_only=read_only))
        self.run(self.images.create("one", SIZE))
        self.run(self.images.create("two", SIZE))
        self.run(self.server.start("127.0.0.1:0"))

    def run(self, work: asyncio._CoroutineLike[None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)  # type: ignore[arg-type]

    def uri(self, name: str) -> str:
        return f"nbd://{self.server.address}/{name}"

    def stop(self) -> None:
        self.run(self.server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


@pytest.fixture
def server() -> Iterator[ServerThread]:
    one = ServerThread()
    yield one
    one.stop()


def told(*command: str, code: int = 0) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, f"{' '.join(command)}: {done.stdout} {done.stderr}"
    return done.stdout + done.stderr


def pattern(path: Path, seed: int) -> Path:
    path.write_bytes(bytes((seed + number // 512) % 251 for number in range(SIZE)))
    return path


def test_nbdinfo_sees_what_an_export_can_do(server: ServerThread) -> None:
    need("nbdinfo")
    found = json.loads(told("nbdinfo", "--json", server.uri("one")))
    assert found["protocol"] == "newstyle-fixed"
    export = found["exports"][0]
    assert export["export-size"] == SIZE
    assert not export["is_read_only"]
    can = ("can_fua", "can_flush", "can_trim", "can_zero", "can_multi_conn", "can_cache")
    assert all(export[name] for name in can)
    assert "structured" in told("nbdinfo", server.uri("one"))
    names = {one["export-name"] for one in json.loads(told("nbdinfo", "--list", "--json", server.uri("")))["exports"]}
    assert names == {"one", "two"}
    assert "No such file" in told("nbdinfo", server.uri("nobody"), code=1)


@pytest.mark.slow
def test_nbdcopy_and_qemu_img_copy_whole_images(server: ServerThread, tmp_path: Path) -> None:
    need("nbdcopy", "qemu-img")
    source, back = pattern(tmp_path / "source", 7), tmp_path / "back"
    told("nbdcopy", str(source), server.uri("one"))
    told("qemu-img", "convert", "-n", "-f", "raw", "-O", "raw", server.uri("one"), server.uri("two"))
    assert "identical" in told("qemu-img", "compare", "-f", "raw", "-F", "raw", str(source), server.uri("two"))
    told("nbdcopy", server.uri("two"), str(back))
    assert back.read_bytes() == source.read_bytes()


def test_qemu_io_writes_zeroes_discards_and_forces(server: ServerThread) -> None:
    need("qemu-io")
    steps = [
        "write -P 7 1000 5000", "read -P 7 1000 5000", "read -P 0 0 1000", "write -z 4096 8192", "read -P 0 4096 8192",
        "write -f -P 9 5M 4k", "flush", "read -P 9 5M 4k", "write -P 3 4190208 8192", "read -P 3 4190208 8192",
        "discard 4M 4M", "read -P 0 5M 4k",
    ]  # fmt: skip
    text = told("qemu-io", "-f", "raw", *(part for step in steps for part in ("-c", step)), server.uri("one"))
    assert "Pattern verification failed" not in text
    assert "failed" not in text


def test_what_was_never_written_is_a_hole(server: ServerThread) -> None:
    need("qemu-io", "nbdinfo")
    told("qemu-io", "-f", "raw", "-c", "write -P 1 8M 4M", server.uri("one"))
    extents = json.loads(told("nbdinfo", "--map", "--json", server.uri("one")))
    assert [(one["offset"], one["length"], one["type"]) for one in extents] == [
        (0, 8 * MIB, 3), (8 * MIB, 4 * MIB, 0), (12 * MIB, 12 * MIB, 3),
    ]  # fmt: skip


def test_fio_verifies_what_it_wrote_with_many_requests_at_once(server: ServerThread) -> None:
    need("fio")
    told(
        "fio", "--name=verify", "--ioengine=nbd", f"--uri={server.uri('one')}", "--rw=randwrite", "--bs=512-64k",
        "--size=8M", "--iodepth=32", "--verify=crc32c", "--verify_fatal=1", "--verify_state_save=0",
    )  # fmt: skip


def test_a_read_only_export_refuses_writes() -> None:
    need("qemu-io", "nbdinfo")
    server = ServerThread(read_only=True)
    try:
        assert json.loads(told("nbdinfo", "--json", server.uri("one")))["exports"][0]["is_read_only"]
        told("qemu-io", "-f", "raw", "-c", "write 0 4k", server.uri("one"), code=1)
    finally:
        server.stop()


def test_several_connections_share_one_image(server: ServerThread) -> None:
    need("qemu-io")
    writer = subprocess.Popen(
        ["qemu-io", "-f", "raw", server.uri("one")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert writer.stdin is not None
    assert writer.stdout is not None
    try:
        writer.stdin.write("write -P 5 0 4k\n")
        writer.stdin.flush()
        while "wrote" not in writer.stdout.readline():
            assert writer.poll() is None, "the writer ended"
        told("qemu-io", "-f", "raw", "-r", "-c", "read -P 5 0 4k", server.uri("one"))
    finally:
        writer.communicate("quit\n", timeout=10)
