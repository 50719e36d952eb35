"""The agent: one per host, without database access; carries out orders on the host's guests and reports."""
