"""The states of a placement group as a Mermaid diagram, drawn from the table: `python -m storage.osd.pg_diagram`."""

from __future__ import annotations

from storage.osd.pg_states import TRANSITIONS, PgState


def diagram() -> str:
    """Every transition but those to Reset, which any state has."""
    lines = ["stateDiagram-v2", "    [*] --> Reset: new interval (from any state)"]
    for (state, event), target in TRANSITIONS.items():
        if target is not PgState.RESET:
            lines.append(f"    {state.value} --> {target.value}: {event}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(diagram())
