"""Faults at random, the same for the same seed, never more at once than the lab promises to survive."""
