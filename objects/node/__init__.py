"""One node of object storage: OpenStack Swift's own servers and daemons, started small."""
