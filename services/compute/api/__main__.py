"""`python -m services.compute.api`."""

from services.platform.garbage import importing

with importing():
    from services.compute.api.app import main

main()
