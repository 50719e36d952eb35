"""`python -m services.compute.scheduler`."""

from services.platform.garbage import importing

with importing():
    from services.compute.scheduler.app import main

main()
