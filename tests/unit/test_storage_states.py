"""The table of a placement group's states, and the diagram in the docs that is drawn from it."""

from pathlib import Path

import pytest

from storage.osd.pg_diagram import diagram
from storage.osd.pg_states import ACTIVE, TRANSITIONS, IllegalTransition, PgState, next_state

DOCS = Path(__file__).parents[2] / "docs/storage.md"


def test_the_docs_show_the_table() -> None:
    assert diagram() in DOCS.read_text(encoding="utf-8"), "put the output of python -m storage.osd.pg_diagram there"


@pytest.mark.parametrize("state", list(PgState))
def test_every_state_can_be_reached_and_left(state: PgState) -> None:
    assert state in TRANSITIONS.values()
    assert next_state(state, "new interval") is PgState.RESET


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(IllegalTransition, match="Clean: all have activated"):
        next_state(PgState.CLEAN, "all have activated")


def test_nobody_serves_before_all_have_activated() -> None:
    before = [state for (state, _), target in TRANSITIONS.items() if target in ACTIVE and state not in ACTIVE]
    assert before == [PgState.ACTIVATING]
