"""`python -m storage.nbd`: the images of a pool as network block devices."""

from storage.nbd.app import main

main()
