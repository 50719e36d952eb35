"""What every object store does, on the disk and in memory alike."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.errors import ClusterFull
from storage.names import BLOCK, ObjectId, PgId
from storage.osd.memory_store import MemoryStore
from storage.osd.object_store import BlocksDamaged, ObjectStore
from storage.osd.store.disk_store import DiskStore, Settings, make
from storage.osd.store.superblock import Superblock
from storage.osd.transaction import Buffer, Clone, Op, Punch, Put, Remove, RemoveMeta, RemovePg, SetMeta, Transaction
from tests.unit.store_changes import Plan, plans, transaction
from tests.unit.store_power import FAST, HandLoop, HandThreads, PowerDisk
from tests.unit.store_view import view

PG, OTHER_PG = PgId(1, 0x1F), PgId(2, 0)
A, A1, B = ObjectId("a"), ObjectId("a", 1), ObjectId("b")


def block(letter: str) -> bytes:
    return letter.encode() * BLOCK


class Bench(Protocol):
    """A store of either kind, and what its interface has no word for."""

    store: ObjectStore

    def commit(self) -> None:
        """Make durable all that was submitted."""
        ...

    def damage(self, pg: PgId, object_id: ObjectId, number: int) -> None:
        """A bit of a stored block changes by itself."""
        ...

    def fill(self) -> None:
        """No space is left."""
        ...


class MemoryBench:
    def __init__(self) -> None:
        self.memory = MemoryStore()
        self.store: ObjectStore = self.memory

    def commit(self) -> None:
        self.memory.commit()

    def damage(self, pg: PgId, object_id: ObjectId, number: int) -> None:
        self.memory.flip(pg, object_id, number)

    def fill(self) -> None:
        self.memory.is_full = True


class DiskBench:
    def __init__(self, directory: Path) -> None:
        self.disk, self.loop, self.threads = PowerDisk(), HandLoop(), HandThreads()
        make(directory, Superblock(fsid="f", osd_uuid="u", osd_id=0, journal_size=4 << 20), self.disk)
        self.store: ObjectStore = DiskStore(
            directory, self.loop, settings=Settings(reserve=1 << 20), disk=self.disk, threads=self.threads
        )

    def commit(self) -> None:
        while self.loop.turn() or self.threads.turn():
            pass

    def damage(self, pg: PgId, object_id: ObjectId, number: int) -> None:
        wanted = self.store.read(pg, object_id, number, 1)
        (sector,) = {
            sector
            for sector, data in self.disk.files["block"].cached.items()
            if data == wanted[:512] and sector % 8 == 0 and sector // 8 % 1024 == number
        }
        self.disk.files["block"].flip(sector * 512 + 100)

    def fill(self) -> None:
        self.disk.free = 100


@pytest.fixture(params=["memory", "disk"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    made = MemoryBench() if request.param == "memory" else DiskBench(tmp_path / "osd")
    yield made
    made.store.close()


def do(bench: Bench, *ops: Op | tuple[ObjectId, int, Buffer]) -> None:
    """One transaction, made durable; a tuple is a write."""
    made = Transaction()
    for op in ops:
        if isinstance(op, tuple):
            made.write(PG, *op)
        else:
            made.add(op)
    called: list[int] = []
    bench.store.submit(made, lambda: called.append(1))
    bench.commit()
    assert called == [1]


def submit_often(store: ObjectStore, made: Transaction, times: int) -> None:
    for _ in range(times):
        store.submit(made, lambda: None)


def test_an_empty_store_knows_nothing(bench: Bench) -> None:
    assert bench.store.info(PG, A) is None
    assert bytes(bench.store.read(PG, A, 5, 2)) == bytes(2 * BLOCK)
    assert bench.store.extents(PG, A) == []
    assert bench.store.list(PG) == []
    assert bench.store.meta(PG, "k") is None
    assert bench.store.meta_range(PG, "", "z") == []
    assert bench.store.pgs() == []


def test_what_is_submitted_is_seen_when_it_is_durable_and_in_order(bench: Bench) -> None:
    seen: list[tuple[int, bytes]] = []

    def look(number: int) -> Callable[[], None]:
        return lambda: seen.append((number, bytes(bench.store.read(PG, A, 0, 1)[:1])))

    for number, letter in enumerate("xyz"):
        made = Transaction()
        made.write(PG, A, 0, block(letter))
        bench.store.submit(made, look(number))
    assert bench.store.info(PG, A) is None
    assert not seen
    bench.commit()
    assert [number for number, _ in seen] == [0, 1, 2]
    assert seen[2][1] == b"z"


def test_a_callback_may_submit(bench: Bench) -> None:
    def again() -> None:
        bench.store.submit(Transaction([Put(PG, B, b"second")]), lambda: None)

    bench.store.submit(Transaction([Put(PG, A, b"first")]), again)
    bench.commit()
    bench.commit()
    assert bench.store.info(PG, B) == b"second"


def test_written_blocks_are_read_and_the_rest_is_zeros(bench: Bench) -> None:
    do(bench, (A, 1, block("1") + block("2")), (A, 5, block("5")), Put(PG, A, b"info"))
    assert bytes(bench.store.read(PG, A, 0, 7)) == b"".join(
        [bytes(BLOCK), block("1"), block("2"), bytes(2 * BLOCK), block("5"), bytes(BLOCK)]
    )
    assert bytes(bench.store.read(PG, A, 2, 1)) == block("2")
    assert bytes(bench.store.read(PG, A, 0, 1)) == bytes(BLOCK)
    assert bench.store.extents(PG, A) == [(1, 2), (5, 1)]
    assert bench.store.info(PG, A) == b"info"


def test_a_write_makes_the_object(bench: Bench) -> None:
    do(bench, (A, 0, block("x")))
    assert bench.store.info(PG, A) == b""


def test_memoryviews_are_data_too(bench: Bench) -> None:
    message = bytearray(b"head" + block("m") + block("n"))
    do(bench, (A, 3, memoryview(message)[4:]), (A, 9, memoryview(message)[4 : 4 + BLOCK]))
    assert bytes(bench.store.read(PG, A, 3, 2)) == block("m") + block("n")
    assert bytes(bench.store.read(PG, A, 9, 1)) == block("m")


def test_a_whole_object_in_one_write(bench: Bench) -> None:
    data = b"".join(block(chr(97 + number % 26)) for number in range(256))
    do(bench, (A, 768, data))
    assert bytes(bench.store.read(PG, A, 768, 256)) == data
    assert bench.store.extents(PG, A) == [(768, 256)]


def test_punched_blocks_are_holes(bench: Bench) -> None:
    do(bench, (A, 0, block("x") * 4))
    do(bench, Punch(PG, A, 1, 2), Punch(PG, A, 100, 5), Punch(PG, B, 0, 1))
    assert bytes(bench.store.read(PG, A, 0, 4)) == block("x") + bytes(2 * BLOCK) + block("x")
    assert bench.store.extents(PG, A) == [(0, 1), (3, 1)]
    assert bench.store.info(PG, B) is None
    do(bench, Punch(PG, A, 0, 1000))
    assert bench.store.extents(PG, A) == []
    assert bench.store.info(PG, A) == b""
    do(bench, (A, 2, block("y")))
    assert bytes(bench.store.read(PG, A, 0, 3)) == bytes(2 * BLOCK) + block("y")


def test_a_clone_keeps_what_its_source_was(bench: Bench) -> None:
    do(bench, (A, 0, block("0") + block("1")), Put(PG, A, b"head"))
    do(bench, Clone(PG, A, A1), Put(PG, A1, b"snapshot"), (A, 1, block("n")), (A, 2, block("m")))
    assert bytes(bench.store.read(PG, A1, 0, 3)) == block("0") + block("1") + bytes(BLOCK)
    assert bytes(bench.store.read(PG, A, 0, 3)) == block("0") + block("n") + block("m")
    assert bench.store.info(PG, A1) == b"snapshot"
    do(bench, Remove(PG, A))
    assert bytes(bench.store.read(PG, A1, 0, 2)) == block("0") + block("1")


def test_a_clone_in_a_transaction_sees_the_writes_before_it(bench: Bench) -> None:
    do(bench, (A, 0, block("x")), Clone(PG, A, A1), (A, 0, block("y")), Clone(PG, A, B), (A, 0, block("z")))
    assert [bytes(bench.store.read(PG, name, 0, 1)) for name in (A1, B, A)] == [block("x"), block("y"), block("z")]


def test_a_clone_replaces_its_target_and_may_be_written(bench: Bench) -> None:
    do(bench, (A, 0, block("x")), (B, 0, block("b") * 3), Put(PG, B, b"info"))
    do(bench, Clone(PG, A, B))
    assert bytes(bench.store.read(PG, B, 0, 3)) == block("x") + bytes(2 * BLOCK)
    assert bench.store.info(PG, B) == b"info"
    do(bench, (B, 0, block("w")))
    assert bytes(bench.store.read(PG, A, 0, 1)) == block("x")


def test_cloning_what_is_missing_or_onto_itself_changes_nothing(bench: Bench) -> None:
    do(bench, (B, 0, block("b")))
    do(bench, Clone(PG, A, B), Clone(PG, B, B), Clone(PG, A, A1))
    assert bytes(bench.store.read(PG, B, 0, 1)) == block("b")
    assert [object_id for object_id, _ in bench.store.list(PG)] == [B]


def test_a_clone_of_an_object_without_blocks(bench: Bench) -> None:
    do(bench, Put(PG, A, b"a"), Clone(PG, A, B))
    assert bench.store.info(PG, B) == b""
    assert bench.store.extents(PG, B) == []


def test_removed_objects_are_gone_and_may_come_back(bench: Bench) -> None:
    do(bench, (A, 0, block("x")), Put(PG, A, b"old"))
    do(bench, Remove(PG, A), Remove(PG, B))
    assert bench.store.info(PG, A) is None
    assert bytes(bench.store.read(PG, A, 0, 1)) == bytes(BLOCK)
    do(bench, Put(PG, A, b"new"))
    assert bench.store.extents(PG, A) == []


def test_lists_go_on_behind_a_name(bench: Bench) -> None:
    do(bench, *(Put(PG, ObjectId(name, snap), b"i") for name in "cab" for snap in (7, 0)))
    ids = [ObjectId(name, snap) for name in "abc" for snap in (0, 7)]
    assert bench.store.list(PG) == [(object_id, b"i") for object_id in ids]
    assert [object_id for object_id, _ in bench.store.list(PG, after=ids[1], limit=2)] == ids[2:4]
    assert bench.store.list(PG, after=ids[-1]) == []
    do(bench, Put(PG, ObjectId("aa"), b"i"), Remove(PG, ids[5]))
    assert [object_id for object_id, _ in bench.store.list(PG, after=ids[1])] == [ObjectId("aa"), *ids[2:5]]


def test_keys_are_ordered_and_forgotten_in_ranges(bench: Bench) -> None:
    do(bench, *(SetMeta(PG, key, key.encode()) for key in ("log.3", "log.1", "info", "log.2", "z")))
    assert bench.store.meta_range(PG, "log.", "log/") == [(f"log.{n}", b"log.%d" % n) for n in (1, 2, 3)]
    do(bench, RemoveMeta(PG, "log.", "log.3"), SetMeta(PG, "info", b"2"))
    assert bench.store.meta_range(PG, "", "zz") == [("info", b"2"), ("log.3", b"log.3"), ("z", b"z")]
    assert bench.store.meta(PG, "log.1") is None
    assert bench.store.meta(OTHER_PG, "info") is None


def test_a_placement_group_goes_as_a_whole(bench: Bench) -> None:
    do(bench, (A, 0, block("x")), SetMeta(PG, "k", b"v"), SetMeta(OTHER_PG, "k", b"v"), Put(OTHER_PG, A, b""))
    assert bench.store.pgs() == [PG, OTHER_PG]
    do(bench, RemovePg(PG))
    assert bench.store.pgs() == [OTHER_PG]
    assert bench.store.list(PG) == []
    assert bench.store.meta(PG, "k") is None
    do(bench, RemoveMeta(OTHER_PG, "", "z"), Remove(OTHER_PG, A))
    assert bench.store.pgs() == []


def test_a_changed_bit_is_noticed_by_reads_and_scrubs(bench: Bench) -> None:
    do(bench, *((A, number, block(chr(97 + number))) for number in range(6)))
    before = bench.store.scrub(PG, A)
    assert before.damaged == ()
    bench.damage(PG, A, 2)
    bench.damage(PG, A, 4)
    with pytest.raises(BlocksDamaged) as caught:
        bench.store.read(PG, A, 0, 6)
    assert (caught.value.pg, caught.value.object_id, caught.value.blocks) == (PG, A, (2, 4))
    with pytest.raises(BlocksDamaged):
        bench.store.read(PG, A, 4, 1)
    assert bytes(bench.store.read(PG, A, 3, 1)) == block("d")
    assert bench.store.scrub(PG, A).damaged == (2, 4)
    assert bench.store.scrub(PG, A).digest == before.digest
    do(bench, (A, 2, block("c")), (A, 4, block("e")))
    assert bench.store.scrub(PG, A) == before


def test_digests_differ_where_contents_do(bench: Bench) -> None:
    contents: list[tuple[Op | tuple[ObjectId, int, Buffer], ...]] = [
        (Put(PG, A, b""),),
        (Put(PG, A, b"i"),),
        ((A, 0, block("x")),),
        ((A, 1, block("x")),),
        ((A, 0, block("x") * 2),),
        ((A, 0, bytes(BLOCK)),),
    ]
    digests = set()
    for content in contents:
        do(bench, Remove(PG, A), *content)
        digests.add(bench.store.scrub(PG, A).digest)
    assert len(digests) == len(contents)


def test_a_full_disk_refuses_data_and_lets_things_be_removed(bench: Bench) -> None:
    do(bench, (A, 0, block("x")))
    bench.fill()
    made = Transaction()
    made.write(PG, B, 0, block("y") * 256)
    with pytest.raises(ClusterFull):
        submit_often(bench.store, made, 20)
    bench.store.submit(Transaction([Remove(PG, A), SetMeta(PG, "k", b"v")]), lambda: None)
    bench.commit()
    assert bench.store.info(PG, A) is None
    assert bench.store.meta(PG, "k") == b"v"


def test_usage_grows_with_data(bench: Bench) -> None:
    before = bench.store.usage()
    do(bench, (A, 0, block("x") * 64))
    after = bench.store.usage()
    assert after.used - before.used == 64 * BLOCK
    assert after.total >= after.used


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.lists(plans, max_size=30))
def test_both_stores_say_the_same(script: list[Plan]) -> None:
    with tempfile.TemporaryDirectory(dir=FAST) as directory:
        memory, disk = MemoryBench(), DiskBench(Path(directory))
        for number, plan in enumerate(script):
            for store in (memory.store, disk.store):
                store.submit(transaction(plan, number), lambda: None)
            memory.commit()
            disk.commit()
        assert view(disk.store) == view(memory.store)
        disk.store.close()
