"""A cluster of OSDs without sockets, disks or a clock: thousands of steps of it in a second, each run repeatable."""
