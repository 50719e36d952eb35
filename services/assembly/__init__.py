"""The only place that knows all services: the bootstrap job, and the whole cloud in one process."""
