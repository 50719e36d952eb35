"""What stands beside HAProxy: the choice of the writer, the end of stale sessions, and the supervisor of it all."""
