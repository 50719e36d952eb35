"""Faults inside a part: its disk is full, or its clock is wrong.

The machine's own disk and clock are never touched. A part is given what its engine takes for a full disk, by the means
that the engine has: a limit (RabbitMQ), a reserve (Swift), a file that counts with all its holes (an OSD). The clock is
a library between the part's programs and the system's time, and it is there only after a start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from docker.errors import APIError, ContainerError

from lab.containers import LAB_LABEL, LabEngine, put_file, run_in
from lab.errors import BadNameError, LabError
from lab.faults import container_of
from lab.topology import Part, Topology

BALLAST = "/var/lib/quorate/osd/ballast"
#: As large as the whole disk: full it stays, whoever else makes room on it.
FILL = f'set -- $(stat -f -c "%b %S" {BALLAST.rpartition("/")[0]}) && truncate -s $(($1 * $2)) {BALLAST}'
MAKE_ROOM = f"rm -f {BALLAST}"
#: More than any disk has free, and what mq/rabbitmq.conf says.
LIMIT, USUAL_LIMIT = "900000GB", "50MB"
RESERVE = "/etc/swift/reserve"
CLOCK = "/etc/quorate/clock"
WITH_CLOCK = ("identity", "image", "compute-api", "scheduler", "conductor", "compute", "volume", "mon", "osd")
GRACE = 5
HELPER = "quorate/wan"


def refuse_without_disk(part: Part) -> None:
    """Raises BadNameError for a part whose disk cannot be full alone."""
    if part.role not in DISKS:
        raise BadNameError(f"{part.label} has no disk that can be full on its own; these have: {', '.join(DISKS)}.")


def refuse_without_clock(part: Part) -> None:
    """Raises BadNameError for a part whose clock cannot be wrong alone."""
    if part.role not in WITH_CLOCK:
        raise BadNameError(f"{part.label} has no clock of its own; these have: {', '.join(WITH_CLOCK)}.")


def fill_disk(engine: LabEngine, topology: Topology, part: Part) -> None:
    """From now on its engine finds its disk full. Raises LabError."""
    DISKS[part.role](engine, topology, part, True)


def make_room(engine: LabEngine, topology: Topology, part: Part) -> None:
    """Its disk is as large as it is. Raises LabError."""
    DISKS[part.role](engine, topology, part, False)


def skew_clock(engine: LabEngine, part: Part, seconds: float) -> None:
    """Start it again with its clock so far ahead (behind, where negative); 0 sets it right. Raises LabError."""
    _tell(engine, part, CLOCK, f"{seconds:+g}" if seconds else "")


def _osd(engine: LabEngine, topology: Topology, part: Part, full: bool) -> None:
    """In its volume, whether it runs or not."""
    container = container_of(engine, part)
    try:
        engine.client.containers.run(
            f"{HELPER}:{topology.lab}",
            entrypoint=["sh", "-ec", FILL if full else MAKE_ROOM],
            user="0",
            network_mode="none",
            volumes_from=[str(container.name)],
            labels={f"{LAB_LABEL}.helper": engine.lab},
            remove=True,
        )
    except (ContainerError, APIError) as error:
        raise LabError(f"{part.label}: its disk could not be changed: {error}") from error


def _rabbitmq(engine: LabEngine, _topology: Topology, part: Part, full: bool) -> None:
    """While it runs; a node that starts knows nothing of it."""
    container = container_of(engine, part)
    if container.status != "running":
        if full:
            raise LabError(f"{part.label} does not run: its disk can't be looked at.")
        return
    code, said = run_in(container, ["rabbitmqctl", "-q", "set_disk_free_limit", LIMIT if full else USUAL_LIMIT])
    if code:
        raise LabError(f"{part.label}: {said.strip()}")


def _swift(engine: LabEngine, _topology: Topology, part: Part, full: bool) -> None:
    _tell(engine, part, RESERVE, "100%" if full else "0")


DISKS: Mapping[str, Callable[[LabEngine, Topology, Part, bool], None]] = {
    "osd": _osd,
    "rabbitmq": _rabbitmq,
    "swift": _swift,
}


def _tell(engine: LabEngine, part: Part, path: str, text: str) -> None:
    """Leave a word where its programs look as they start, and start them again if they run."""
    container = container_of(engine, part)
    try:
        put_file(container, path, text.encode())
        if container.status == "running":
            container.restart(timeout=GRACE)
    except APIError as error:
        raise LabError(f"{part.label}: {error.explanation}") from error
