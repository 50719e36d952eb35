"""What a client's operation changes: a pure function from an object as it is to a transaction and log entries.

The primary computes it once; replicas store the same transaction, so no two copies can differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from storage.errors import BadRequest, ObjectExists, ObjectNotFound, VersionMismatch
from storage.messages import ClientOp, LogEntry
from storage.names import BLOCK, NO_VERSION, OBJECT_SIZE, ObjectId, PgId, Version
from storage.osd.object_state import CloneInfo, ObjectState, encode_state, number_of
from storage.osd.transaction import Buffer, Clone, Punch, Put, Remove, Transaction

ReadBlocks = Callable[[int, int], Buffer]
#: The kinds of operation that change an object.
CHANGES = frozenset({"write", "write_full", "zero", "truncate", "remove", "copyup", "trim_snap"})


def check(op: ClientOp, data: Buffer) -> None:
    """Raises BadRequest for arguments that can't be."""
    named = 0 < len(op.name) <= 1000 or op.kind == "list"
    if op.offset < 0 or op.length < 0 or not named:
        raise BadRequest("an object needs a name of at most 1000 characters, offsets and lengths of at least 0")
    end = op.offset + max(op.length, len(data))
    if op.kind in CHANGES and end > OBJECT_SIZE:
        raise BadRequest(f"an object can't be longer than {OBJECT_SIZE} bytes")
    if any(later >= earlier for earlier, later in zip(op.snaps.snaps, op.snaps.snaps[1:], strict=False)):
        raise BadRequest("snapshots are named newest first, each once")


def is_plain_write(op: ClientOp, data: Buffer, state: ObjectState) -> bool:
    """Whether it only replaces whole blocks: such writes of one object may be under way at once, in order."""
    return (
        op.kind == "write"
        and op.expected is None
        and not op.offset % BLOCK
        and (not len(data) % BLOCK)
        and len(data) > 0
        and op.snaps.seq <= state.snap_seq
    )


@dataclass
class Change:
    """An operation's effect in the making: the transaction, the log entries, and the head's next state."""

    pg: PgId
    op: ClientOp
    state: ObjectState
    next_version: Version
    read_blocks: ReadBlocks
    client: str
    transaction: Transaction = field(default_factory=Transaction)
    entries: list[LogEntry] = field(default_factory=list)

    @property
    def head(self) -> ObjectId:
        """The object as it is now, whatever its snapshots hold."""
        return ObjectId(self.op.name)

    @property
    def version(self) -> int:
        """The version that the client is told."""
        return number_of(self.state.version)

    def log(self, object_id: ObjectId, prior: Version, *, deleted: bool = False) -> Version:
        """Add an entry; the first of an operation carries its number."""
        version = self.next_version
        self.next_version = Version(version.epoch, version.number + 1)
        client, number = (self.client, self.op.number) if not self.entries else ("", 0)
        self.entries.append(LogEntry(version, object_id, prior, deleted, client, number))
        return version

    def put(self, *, size: int, whiteout: bool = False) -> None:
        """The head changes; an object that appears now is not seen by snapshots that its writer knows of."""
        old = self.state
        version = self.log(self.head, old.version)
        seq = max(old.snap_seq, self.op.snaps.seq) if self.op.kind != "copyup" else old.snap_seq
        self.state = ObjectState(version, size, whiteout, seq, old.clones)
        self.transaction.add(Put(self.pg, self.head, encode_state(self.state)))

    def drop(self) -> None:
        """The head goes, with all that is known of it."""
        self.log(self.head, self.state.version, deleted=True)
        self.transaction.add(Remove(self.pg, self.head))
        self.state = ObjectState()

    def preserve(self) -> None:
        """Clone the head first if the writer knows of snapshots that the head does not."""
        old, snaps = self.state, self.op.snaps
        if not old.exists or snaps.seq <= old.snap_seq:
            return
        covered = tuple(snap for snap in snaps.snaps if snap > old.snap_seq)
        clones = old.clones
        if covered:
            target = ObjectId(self.op.name, covered[0])
            version = self.log(target, NO_VERSION)
            self.transaction.add(Clone(self.pg, self.head, target))
            self.transaction.add(Put(self.pg, target, encode_state(ObjectState(version, old.size))))
            clones = (*clones, CloneInfo(covered[0], covered, old.size, version))
        self.state = ObjectState(old.version, old.size, old.whiteout, snaps.seq, clones)

    def write(self, offset: int, data: Buffer) -> None:
        """Bytes at any offset, as whole blocks: the rest of the first and the last block stays as it is."""
        lead, first = offset % BLOCK, offset // BLOCK
        end = offset + len(data)
        tail = -end % BLOCK
        if not lead and not tail:
            self.transaction.write(self.pg, self.head, first, data)
            return
        count = (end + tail) // BLOCK - first
        blocks = bytearray(count * BLOCK)
        if self.state.exists:
            blocks[:BLOCK] = self.read_blocks(first, 1)
            if count > 1:
                blocks[-BLOCK:] = self.read_blocks(first + count - 1, 1)
        blocks[lead : lead + len(data)] = data
        self.transaction.write(self.pg, self.head, first, bytes(blocks))

    def clear(self, offset: int, end: int) -> None:
        """A range becomes zeros: whole blocks become holes, the rest is written."""
        first, last = -(-offset // BLOCK), end // BLOCK
        if first >= last:
            if first > last or offset % BLOCK or end % BLOCK:
                self.write(offset, bytes(end - offset))
            return
        if offset % BLOCK:
            self.write(offset, bytes(first * BLOCK - offset))
        self.transaction.add(Punch(self.pg, self.head, first, last - first))
        if end % BLOCK:
            self.write(last * BLOCK, bytes(end - last * BLOCK))


def apply(change: Change, data: Buffer) -> None:
    """Fill in what the operation does; where it does nothing, no entry is made. Raises the errors that clients see."""
    _check_expected(change)
    _OPERATIONS[change.op.kind](change, data)


def _check_expected(change: Change) -> None:
    expected, state = change.op.expected, change.state
    if expected is None:
        return
    if expected == 0 and state.exists:
        raise ObjectExists(f"{change.op.name} is there already")
    if expected and not state.exists:
        raise ObjectNotFound(f"there is no object {change.op.name}")
    if expected and number_of(state.version) != expected:
        raise VersionMismatch(f"{change.op.name} was changed by somebody else")


def _write(change: Change, data: Buffer) -> None:
    change.preserve()
    if data:
        change.write(change.op.offset, data)
    size = change.state.size if change.state.exists else 0
    change.put(size=max(size, change.op.offset + len(data)))


def _write_full(change: Change, data: Buffer) -> None:
    change.preserve()
    blocks = -(-len(data) // BLOCK)
    old_blocks = -(-change.state.size // BLOCK)
    if old_blocks > blocks:
        change.transaction.add(Punch(change.pg, change.head, blocks, old_blocks - blocks))
    if data:
        change.transaction.write(change.pg, change.head, 0, bytes(data) + bytes(blocks * BLOCK - len(data)))
    change.put(size=len(data))


def _zero(change: Change, _: Buffer) -> None:
    if not change.state.exists:
        return
    change.preserve()
    end = min(change.op.offset + change.op.length, change.state.size)
    if end > change.op.offset:
        change.clear(change.op.offset, end)
    change.put(size=change.state.size)


def _truncate(change: Change, _: Buffer) -> None:
    change.preserve()
    size, old = change.op.offset, change.state.size if change.state.exists else 0
    if size < old:
        change.clear(size, old + -old % BLOCK)
    change.put(size=size)


def _remove(change: Change, _: Buffer) -> None:
    if not change.state.exists:
        raise ObjectNotFound(f"there is no object {change.op.name}")
    change.preserve()
    if not change.state.clones:
        change.drop()
        return
    blocks = -(-change.state.size // BLOCK)
    if blocks:
        change.transaction.add(Punch(change.pg, change.head, 0, blocks))
    change.put(size=0, whiteout=True)


def _copyup(change: Change, data: Buffer) -> None:
    if change.state.version != NO_VERSION:
        return
    if data:
        change.write(0, data)
    change.put(size=len(data))


def _trim_snap(change: Change, _: Buffer) -> None:
    """`op.snap` is needed no more; a clone that serves no snapshot any more goes, and a whiteout without clones too."""
    old, snap = change.state, change.op.snap
    clone = next((clone for clone in old.clones if snap in clone.snaps), None)
    if clone is None:
        return
    left = tuple(number for number in clone.snaps if number != snap)
    if left:
        clones = tuple(CloneInfo(c.snap, left, c.size, c.version) if c is clone else c for c in old.clones)
    else:
        clones = tuple(c for c in old.clones if c is not clone)
        target = ObjectId(change.op.name, clone.snap)
        change.log(target, clone.version, deleted=True)
        change.transaction.add(Remove(change.pg, target))
    if old.whiteout and not clones:
        change.drop()
        return
    change.state = ObjectState(old.version, old.size, old.whiteout, old.snap_seq, clones)
    change.put(size=old.size, whiteout=old.whiteout)


_OPERATIONS: dict[str, Callable[[Change, Buffer], None]] = {
    "write": _write,
    "write_full": _write_full,
    "zero": _zero,
    "truncate": _truncate,
    "remove": _remove,
    "copyup": _copyup,
    "trim_snap": _trim_snap,
}
