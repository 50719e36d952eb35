"""`python -m services.image`."""

from services.image.app import main

main()
