"""Random transactions of a few small objects, for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from storage.names import BLOCK, ObjectId, PgId
from storage.osd.transaction import (
    Clone,
    Op,
    Punch,
    Put,
    Remove,
    RemoveMeta,
    RemovePg,
    SetMeta,
    Transaction,
    block_sums,
)
from storage.osd.transaction import Write as WriteOp

PGS = (PgId(1, 0), PgId(1, 1))
OBJECTS = (ObjectId("a"), ObjectId("a", 1), ObjectId("a", 2), ObjectId("b"))
#: Its value is the number of the last transaction that the store has.
COUNTED = PgId(9, 0)
LAST = "last"

_pgs = st.sampled_from(PGS)
_objects = st.sampled_from(OBJECTS)
_blocks = st.integers(0, 5)
_keys = st.sampled_from(("log.1", "log.2", "log.3", "x"))
_writes = st.tuples(_pgs, _objects, _blocks, st.integers(1, 2))
_others: st.SearchStrategy[Op] = st.one_of(
    st.builds(Put, _pgs, _objects, st.binary(max_size=3)),
    st.builds(Clone, _pgs, _objects, _objects),
    st.builds(Clone, _pgs, st.just(OBJECTS[0]), _objects),
    st.builds(Punch, _pgs, _objects, _blocks, st.integers(0, 6)),
    st.builds(Remove, _pgs, _objects),
    st.builds(SetMeta, _pgs, _keys, st.binary(max_size=3)),
    st.builds(RemoveMeta, _pgs, _keys, _keys),
    st.builds(RemovePg, _pgs),
)
#: What a transaction does; `transaction` gives it bytes.
plans = st.lists(st.one_of(_writes, _writes, _others), min_size=1, max_size=2)
Plan = list[tuple[PgId, ObjectId, int, int] | Op]


def transaction(plan: Plan, number: int) -> Transaction:
    """The changes of a plan; its blocks are like those of no other number."""
    made = Transaction()
    for step, change in enumerate(plan):
        if isinstance(change, tuple):
            pg, object_id, block, count = change
            pieces = [b"%8d %8d %8d" % (number, step, index) for index in range(count)]
            data = b"".join(piece.ljust(BLOCK, b".") for piece in pieces)
            made.ops.append(WriteOp(pg, object_id, block, block_sums(data)))
            made.data.append(data)
        else:
            made.add(change)
    made.add(SetMeta(COUNTED, LAST, b"%d" % number))
    return made
