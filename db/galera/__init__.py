"""One Galera node: which way to start, and what it tells others about itself."""
