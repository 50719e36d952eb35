"""A primary and its replicas: who has what, who may be promoted, and the person's verbs for it."""
