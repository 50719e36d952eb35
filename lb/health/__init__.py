"""Judges services end to end, by their own answers: for the region's entrance and for the name servers."""
