"""Where this lab's block store is: `quorate rbd` and `quorate storage` need not be told."""

import os

from lab.paths import STATE_FILE

VARIABLE = "QUORATE_STORE_URL"
POOL = "volumes"


def find_store() -> None:
    """Set the variable to this lab's monitors, unless somebody has set it."""
    from lab.state import load

    state = load(STATE_FILE)
    if state is not None and not os.environ.get(VARIABLE):
        os.environ[VARIABLE] = f"quorate://{','.join(state.topology.monitors)}/{POOL}"
