"""`python -m services.compute.agent`."""

from services.platform.garbage import importing

with importing():
    from services.compute.agent.app import main

main()
