"""Where data lies: a map of failure domains, and straw2 draws over it."""
