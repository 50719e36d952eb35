"""Invariants: what was acknowledged is there, what was deleted or refused is not, and nothing was made twice. Pure."""

from collections import Counter
from collections.abc import Iterator, Sequence

from tests.lab.final_state import FinalState
from tests.lab.history import Operation, Outcome
from tests.lab.invariant import Invariant, Problem, ids_of, of

NOT_FOUND = 404
ROWS = ("user", "project", "image")


def rows_are_there(operations: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Users, projects and images: the acknowledged ones are there, deleted and refused ones are not."""
    for noun in ROWS:
        rows = state.rows.get(noun)
        if rows is None:
            continue
        deleted = ids_of(operations, f"delete {noun}", Outcome.OK)
        perhaps = ids_of(operations, f"delete {noun}", Outcome.UNKNOWN)
        for one in of(operations, f"create {noun}", Outcome.OK):
            for row in one.ids:
                if row not in rows and row not in deleted | perhaps:
                    yield Problem(f"{noun} {one.name} ({row}) was acknowledged and is gone", is_loss=True)
        for row in deleted & rows.keys():
            yield Problem(f"{noun} {rows[row]} ({row}) was deleted and is there", is_loss=True)
        yield from _made_as_told(noun, operations, Counter(rows.values()))


def data_is_whole(operations: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Image data whose upload was acknowledged reads as it was sent."""
    gone = ids_of(operations, "delete image", Outcome.OK) | ids_of(operations, "delete image", Outcome.UNKNOWN)
    for one in of(operations, "upload image", Outcome.OK):
        for row in one.ids:
            if state.checksums is None or row in gone:
                continue
            found = state.checksums.get(row)
            if found != one.facts["checksum"]:
                yield Problem(f"data of image {row}: sent {one.facts['checksum']}, there is {found}", is_loss=True)


def tags_are_there(operations: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Every acknowledged tag is on its image: the many small writes of the gap meter."""
    for one in of(operations, "tag image", Outcome.OK):
        for row in one.ids:
            if state.tags is not None and one.name not in state.tags.get(row, frozenset()):
                yield Problem(f"tag {one.name} of image {row} was acknowledged and is gone", is_loss=True)


def objects_are_there(operations: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Every acknowledged object reads as it was sent, and no deleted one is back. Each name is put once."""
    if state.objects is None:
        return
    deleted = {one.name for one in of(operations, "delete object", Outcome.OK)}
    perhaps = {one.name for one in of(operations, "delete object", Outcome.UNKNOWN)}
    # Where as many nodes do not know the object yet as delete it, Swift says 404 and has deleted it.
    perhaps |= {one.name for one in of(operations, "delete object", Outcome.FAIL) if one.status == NOT_FOUND}
    for one in of(operations, "put object", Outcome.OK):
        found = state.objects.get(one.name)
        if one.name not in deleted | perhaps and found != one.facts["checksum"]:
            yield Problem(f"object {one.name}: sent {one.facts['checksum']}, there is {found}", is_loss=True)
    for name in sorted(deleted & state.objects.keys()):
        yield Problem(f"object {name} was deleted and is there", is_loss=True)


def servers_are_there(operations: Sequence[Operation], state: FinalState) -> Iterator[Problem]:
    """Accepted servers exist, once each; refused ones do not; deleted ones are gone."""
    if state.servers is None:
        return
    there = {server.id for server in state.servers}
    deleted = ids_of(operations, "delete server", Outcome.OK)
    perhaps = ids_of(operations, "delete server", Outcome.UNKNOWN)
    for one in of(operations, "create server", Outcome.OK):
        for row in one.ids:
            if row not in there and row not in deleted | perhaps:
                yield Problem(f"server {one.name} ({row}) was accepted and is gone", is_loss=True)
    for row in sorted(deleted & there):
        yield Problem(f"server {row} was deleted and is there", is_loss=True)
    yield from _made_as_told("server", operations, Counter(server.name for server in state.servers))


def _names(noun: str, one: Operation) -> list[str]:
    count = one.facts.get("count", 1)
    return [one.name] if noun != "server" or count == 1 else [f"{one.name}-{index + 1}" for index in range(count)]


def _made_as_told(noun: str, operations: Sequence[Operation], found: Counter[str]) -> Iterator[Problem]:
    """No name twice, and none whose creation was refused."""
    for one in operations:
        if one.kind != f"create {noun}":
            continue
        for name in _names(noun, one):
            if found[name] > 1:
                yield Problem(f"{noun} {name} was made {found[name]} times by one request")
            elif found[name] and one.outcome is Outcome.FAIL:
                yield Problem(f"{noun} {name} was refused ({one.status}) and is there")


INVARIANTS: tuple[Invariant, ...] = (
    rows_are_there, data_is_whole, tags_are_there, objects_are_there, servers_are_there,
)  # fmt: skip
