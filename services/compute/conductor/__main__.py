"""`python -m services.compute.conductor`."""

from services.platform.garbage import importing

with importing():
    from services.compute.conductor.app import main

main()
