"""The router between the sites: what it lets through, and the faults that it puts between them."""
