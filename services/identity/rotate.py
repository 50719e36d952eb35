"""`python -m services.identity.rotate`: one step of token key rotation. Run it as often as keys should change."""

from __future__ import annotations

import sys

from services.identity.keys import rotate_keys
from services.identity.settings import IdentitySettings
from services.platform.database import Transactor
from services.platform.settings import read_settings


def main() -> None:
    """Take the step, say what was done; exit status 1 where the staged key is too young."""
    settings = read_settings(IdentitySettings)
    transactor = Transactor(settings.database_url)
    done = rotate_keys(transactor, refresh_seconds=settings.key_refresh_seconds, token_seconds=settings.token_seconds)
    print(done.why)
    for key_id in done.remove:
        print(f"key {key_id} is gone: every token it encrypted has expired")
    sys.exit(0 if done.stage is not None else 1)


if __name__ == "__main__":
    main()
