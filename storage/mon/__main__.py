"""`python -m storage.mon`: one monitor."""

from storage.mon.app import main

main()
