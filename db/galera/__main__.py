"""Entry point of the container."""

from galera.node import main

main()
