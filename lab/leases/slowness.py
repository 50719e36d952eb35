"""Delays what one part sends: with the kernel's netem, else with our own queue (`wan/delay`).

The queue is a container in the part's network that lives as long as the fault does at most. Where it is gone, packets
go as ever.
"""

from __future__ import annotations

from contextlib import suppress

from docker.errors import APIError

from lab.containers import LAB_LABEL, NAME_LABEL, SITE_LABEL, LabEngine
from lab.errors import LabError
from lab.leases import packets
from lab.topology import OUTSIDE, Part, Topology

#: A part that was cut off comes back with an interface of another name.
INTERFACE = "$(ip -o -4 addr show scope global | awk '{print $2; exit}')"
NO_NETEM = ("qdisc kind is unknown", "No such file or directory")
ROOM = 20000  # packets: netem's own 1000 would be full, and lose some, where a part sends much
QUEUE = 80  # as wan/delay has it
RULE = f"OUTPUT ! -o lo -j NFQUEUE --queue-num {QUEUE} --queue-bypass"


def begin(engine: LabEngine, topology: Topology, part: Part, milliseconds: float, seconds: float) -> None:
    """From now on each packet that the part sends takes so much longer, for so long at most. Raises LabError."""
    _end_queue(engine, topology, part)
    try:
        packets.run(engine, topology, part, [netem("replace", milliseconds)])
    except LabError as error:
        if not any(reason in error.message for reason in NO_NETEM):
            raise
        _begin_queue(engine, topology, part, milliseconds, seconds)


def end(engine: LabEngine, topology: Topology, part: Part) -> None:
    """Its packets go as ever, if it runs at all; those under way still take their time."""
    _end_queue(engine, topology, part)
    with suppress(LabError):
        packets.run(engine, topology, part, [f"{netem('change', 0)} 2>/dev/null || true"])


def netem(verb: str, milliseconds: float) -> str:
    """The command that delays what a part sends by the kernel's own means. Pure."""
    return f"tc qdisc {verb} dev {INTERFACE} root netem delay {milliseconds:g}ms limit {ROOM}"


def _begin_queue(engine: LabEngine, topology: Topology, part: Part, milliseconds: float, seconds: float) -> None:
    packets.run(engine, topology, part, [f"iptables -C {RULE} 2>/dev/null || iptables -A {RULE}"])
    name = _name(topology, part)
    try:
        engine.client.containers.run(
            f"{packets.IMAGE}:{topology.lab}",
            entrypoint=["python3", "-S", "-m", "delay", f"{milliseconds:g}", f"{seconds:g}"],
            name=name,
            detach=True,
            remove=True,
            labels={LAB_LABEL: engine.lab, NAME_LABEL: name, SITE_LABEL: OUTSIDE},
            **packets.in_network_of(engine.containers()[part.label].container),
        )
    except APIError as error:
        raise LabError(f"{part.label}: {error.explanation}") from error


def _end_queue(engine: LabEngine, topology: Topology, part: Part) -> None:
    with suppress(APIError):  # it may be ending by itself just now
        engine.client.containers.get(_name(topology, part)).remove(force=True)


def _name(topology: Topology, part: Part) -> str:
    return f"{topology.lab}-slow-{part.site}-{part.name}"
