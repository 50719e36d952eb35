"""The compute API (Nova v2.1): checks, stores the intent, hints; never waits for a host."""
