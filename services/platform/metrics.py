"""What a replica counts, in Prometheus's text format under `/metrics`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

registry = CollectorRegistry()

requests_served = Counter(
    "quorate_http_requests", "HTTP requests answered", ["service", "method", "status"], registry=registry
)
request_seconds = Histogram(
    "quorate_http_request_seconds",
    "Time to answer",
    ["service"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
transaction_retries = Counter(
    "quorate_transaction_retries", "Database transactions that were run again", ["reason"], registry=registry
)
hints_sent = Counter("quorate_hints", "Hints handed to the broker", ["topic", "outcome"], registry=registry)


def exposition() -> bytes:
    """All metrics of this process, as `/metrics` serves them."""
    return generate_latest(registry)
