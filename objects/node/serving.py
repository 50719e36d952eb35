"""Runs Swift's WSGI applications and daemons as green threads of one process, until the process is told to stop."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

GRACE = 2.0  # for requests that are being answered when the stop comes
SHARE = 10  # a daemon rests that many times as long as its pass took: the more there is to do, the rarer,
LONGEST = 10.0  # but no longer than this
SOON, SELDOM = 5.0, 60.0


class Duty(NamedTuple):
    """A daemon's work: one pass of it, and how long it rests between two."""

    name: str
    rest: float
    act: Callable[[], object]
    logger: Any


def server(configuration: Path, port: int) -> Any:
    """Serve one application; returns its green thread."""
    import eventlet
    from eventlet import greenlet, wsgi
    from swift.common.http_protocol import SwiftHttpProtocol
    from swift.common.utils import NullLogger
    from swift.common.wsgi import RestrictedGreenPool, loadapp

    app = loadapp(str(configuration), global_conf={"log_name": configuration.stem})
    listening = eventlet.listen(("0.0.0.0", port), backlog=512)

    def answer() -> None:
        with contextlib.suppress(greenlet.GreenletExit):  # the stop
            wsgi.server(
                listening,
                app,
                NullLogger(),
                protocol=SwiftHttpProtocol,
                custom_pool=RestrictedGreenPool(size=1024),
                socket_timeout=60,
                capitalize_response_headers=False,  # as Swift's own launcher has it
            )

    return eventlet.spawn(answer)


def rest_after(rest: float, took: float) -> float:
    """How long a daemon rests that wants `rest` at least, after a pass that took so long. Pure."""
    return max(rest, min(took * SHARE, LONGEST))


def latest_first(rest: float) -> float:
    """How long a daemon's first pass waits at most. A node that comes back has much to tell and to hear at once, but
    what is done seldom (audits, which read everything) can wait until it serves. Pure."""
    return rest if rest > SELDOM else min(rest, SOON)


def repeat(duty: Duty) -> None:
    """Do it again and again; not all daemons' first passes at once."""
    import eventlet

    eventlet.sleep(random.uniform(0, latest_first(duty.rest)))  # noqa: S311 - no secret
    while True:
        began = time.monotonic()
        try:
            duty.act()
        except (Exception, eventlet.Timeout):  # a Timeout is no Exception
            duty.logger.exception("%s: a pass failed", duty.name)
        eventlet.sleep(rest_after(duty.rest, time.monotonic() - began))


def serve(servers: Sequence[Any], duties: Sequence[Duty] = ()) -> None:
    """Return when the process was told to stop and the requests of the moment are answered; end it if a server ends."""
    import eventlet

    # What was imported stays: the search for garbage, which `main` has turned off, need not go through it.
    gc.freeze()
    gc.enable()
    for thread in servers:
        thread.link(_ended)
    for duty in duties:
        eventlet.spawn(repeat, duty)
    _wait_for_stop()
    with eventlet.Timeout(GRACE, False):
        for thread in servers:
            thread.unlink(_ended)
            eventlet.spawn_n(thread.kill)  # stops accepting; ends when its requests have ended
        for thread in servers:
            thread.wait()
    os._exit(0)


def _ended(_thread: Any) -> None:
    os._exit(1)


def _wait_for_stop() -> None:
    """Until SIGTERM. The signal only writes to a pipe: the hub sleeps in the kernel, not in Python."""
    from eventlet.hubs import trampoline

    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.signal(signal.SIGTERM, lambda *_: os.write(writer, b"."))
    trampoline(reader, read=True)
