"""One node of a primary and its replicas: whom it follows, when it may write, and what it tells others about itself."""
