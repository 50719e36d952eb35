"""Object storage daemons: they keep the objects of placement groups, and agree on them."""
