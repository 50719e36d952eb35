"""The `quorate` command: brings the lab up, shows it, breaks it on purpose and takes it down."""
