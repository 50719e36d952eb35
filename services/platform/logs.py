"""Logging to standard output, one line per event, each with the request id it belongs to."""

from __future__ import annotations

import logging
import sys

from services.platform.request import current_request_id


class _RequestId(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current_request_id.get()
        return True


def configure_logging(name: str, level: str) -> None:
    """Send all log records to standard output, marked with the replica's `name` and the current request id."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(_RequestId())
    line = f"%(asctime)s.%(msecs)03d {name} %(levelname)s %(name)s [%(request_id)s] %(message)s"
    handler.setFormatter(logging.Formatter(line, "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("amqp", "alembic", "urllib3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
