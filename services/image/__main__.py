"""`python -m services.image`."""

from services.platform.garbage import importing

with importing():
    from services.image.app import main

main()
