"""What is granted to a machine that is known to be slow, such as one that runs other people's tests too."""

import os

#: More would let a broken lab pass for a slow one.
MOST = 2.0


def slowness() -> float:
    """The multiplier of what is allowed, out of QUORATE_SLOW: 1 on a machine as it should be, 2 at most."""
    return min(MOST, float(os.environ.get("QUORATE_SLOW", "1")))
