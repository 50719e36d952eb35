"""`python -m services.volume`."""

from services.platform.garbage import importing

with importing():
    from services.volume.app import main

main()
