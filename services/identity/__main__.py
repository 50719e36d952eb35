"""`python -m services.identity`."""

from services.platform.garbage import importing

with importing():
    from services.identity.app import main

main()
