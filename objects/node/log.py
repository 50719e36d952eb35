"""Swift logs to a syslog; a container has none."""

from __future__ import annotations

import logging
import sys


def to_container(
    _conf: object, name: str, _console: object, _route: object, _fmt: object, logger: logging.Logger, _adapted: object
) -> None:
    """Called by Swift for each of its loggers (`log_custom_handlers`): lines go to the container's log only."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(f"{name}: %(levelname)s %(message)s"))
    logger.handlers[:] = [handler]
