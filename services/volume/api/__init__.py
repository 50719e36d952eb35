"""The volume API (Cinder v3): checks, stores the intent, hints; never waits for the store."""
