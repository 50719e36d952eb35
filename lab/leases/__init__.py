"""Faults as leases: each has a duration, is written down, and is undone by itself, whatever becomes of its author."""
