"""Where this lab's block store is: `quorate rbd` and `quorate storage` need not be told."""

import os

from lab.paths import STATE_FILE

VARIABLE = "QUORATE_STORE_URL"
PORT, POOL = 6789, "volumes"


def find_store() -> None:
    """Set the variable to this lab's monitors, unless somebody has set it."""
    from lab.state import load
    from lab.topology import parts_with_role

    state = load(STATE_FILE)
    if state is not None and not os.environ.get(VARIABLE):
        monitors = ",".join(f"{state.topology.address(part)}:{PORT}" for part in parts_with_role("mon"))
        os.environ[VARIABLE] = f"quorate://{monitors}/{POOL}"
