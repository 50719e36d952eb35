"""What a node's own process owes to its container, whose process 1 it is: it hears signals, and tells what it does."""

from __future__ import annotations

import signal

_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}


def hold_signals() -> None:
    """Keep signals for `stop_asked`; called before any thread starts."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)


def stop_asked(within: float) -> bool:
    """Wait for so many seconds, or until a signal comes; whether it was one that asks to stop."""
    received = signal.sigtimedwait(_SIGNALS, within)
    return received is not None and received.si_signo != signal.SIGCHLD


def say(sentence: str) -> None:
    """One line in the container's log."""
    print(f"node: {sentence}", flush=True)
