"""`quorate migrate-region`: moves a server to another region, cold, by public APIs alone."""
