"""`python -m services.volume`."""

from services.volume.app import main

main()
