"""Faults of one part's packets, by rules in its own network namespace.

No part may change its own rules. A container that lives for one command joins the part's network, with the right to do
it; the rules stay in the namespace and go with it: a part that starts again is healed.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from docker.errors import APIError, ContainerError

from lab.containers import LAB_LABEL, LabEngine
from lab.errors import LabError
from lab.topology import Part, Topology

CHAIN = "QUORATE"
IMAGE = "quorate/wan"


def drop_to_and_from(addresses: Iterable[str]) -> list[str]:
    """The rules that cut a part off from these addresses, both ways. Pure."""
    rules = []
    for address in addresses:
        rules += [f"iptables -A {CHAIN} -s {address} -j DROP", f"iptables -A {CHAIN} -d {address} -j DROP"]
    return rules


def lose(share: float) -> list[str]:
    """The rule that loses this share (0 to 1) of a part's packets, both ways. Pure."""
    return [f"iptables -A {CHAIN} -m statistic --mode random --probability {share:.4f} -j DROP"]


BEGIN = (
    f"iptables -N {CHAIN} 2>/dev/null || true",
    f"iptables -C INPUT ! -i lo -j {CHAIN} 2>/dev/null || iptables -I INPUT ! -i lo -j {CHAIN}",
    f"iptables -C OUTPUT ! -o lo -j {CHAIN} 2>/dev/null || iptables -I OUTPUT ! -o lo -j {CHAIN}",
)
FLUSH = (f"iptables -F {CHAIN} 2>/dev/null || true",)


def apply(engine: LabEngine, topology: Topology, part: Part, rules: Sequence[str]) -> None:
    """Add rules to a part. Raises LabError where the kernel cannot do it."""
    run(engine, topology, part, [*BEGIN, *rules])


def replace(engine: LabEngine, topology: Topology, part: Part, rules: Sequence[str]) -> None:
    """Make these the only rules of a part; none: its packets go as ever."""
    run(engine, topology, part, [*FLUSH, *([*BEGIN, *rules] if rules else [])])


def run(engine: LabEngine, topology: Topology, part: Part, commands: Sequence[str]) -> None:
    """Commands in a part's network, in a container that lives as long as they take. Raises LabError: what they said."""
    container = engine.containers().get(part.label)
    if container is None or container.state != "running":
        raise LabError(f"{part.label} does not run: it has no packets.")
    try:
        engine.client.containers.run(
            f"{IMAGE}:{topology.lab}",
            entrypoint=["sh", "-ec", "\n".join(commands)],
            labels={f"{LAB_LABEL}.helper": engine.lab},
            remove=True,
            **in_network_of(container.container),
        )
    except ContainerError as error:
        said = error.stderr if isinstance(error.stderr, str) else (error.stderr or b"").decode("utf-8", "replace")
        raise LabError(f"{part.label}: {said.strip() or shlex.join(commands)}") from error
    except APIError as error:
        raise LabError(f"{part.label}: {error.explanation}") from error


def in_network_of(container: str) -> dict[str, Any]:
    """How a container joins another one's network, with the right to change it."""
    return {
        "user": "0",
        "network_mode": f"container:{container}",
        "cap_drop": ["ALL"],
        "cap_add": ["NET_ADMIN", "NET_RAW"],
    }
