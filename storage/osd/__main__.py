"""`python -m storage.osd`: one OSD."""

from storage.osd.app import main

main()
