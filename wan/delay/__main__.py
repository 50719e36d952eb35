"""`python -m delay MILLISECONDS SECONDS`: for so many seconds each packet of the queue waits so many milliseconds."""

from __future__ import annotations

import select
import socket
import sys
import time
from collections import deque

from delay import queue

NETFILTER, SOL_NETLINK, NO_OVERRUN = 12, 270, 5  # NETLINK_NETFILTER; NETLINK_NO_ENOBUFS
QUEUE, LENGTH, BUFFER = 80, 65536, 8 << 20


def carry(kernel: socket.socket, delay: float, until: float) -> None:
    """Let each packet go on after its time, in the end all; they have the same delay, so they keep their order."""
    waiting: deque[tuple[float, int]] = deque()
    while (now := time.monotonic()) < until:
        due = None
        while waiting and waiting[0][0] <= now:
            due = waiting.popleft()[1]
        if due is not None:
            kernel.send(queue.let_go(QUEUE, due))
        patience = (waiting[0][0] if waiting else until) - time.monotonic()
        if select.select([kernel], [], [], max(0.0, patience))[0]:
            arrived = time.monotonic()
            waiting.extend((arrived + delay, number) for number in queue.numbers(kernel.recv(65536)))
    if waiting:
        kernel.send(queue.let_go(QUEUE, waiting[-1][1]))


def main() -> None:
    """Ask the kernel for the queue and carry its packets."""
    delay, seconds = float(sys.argv[1]) / 1000, float(sys.argv[2])
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER) as kernel:
        kernel.setsockopt(SOL_NETLINK, NO_OVERRUN, 1)
        kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        kernel.bind((0, 0))
        kernel.send(queue.bind(QUEUE, LENGTH))
        carry(kernel, delay, time.monotonic() + seconds)


main()
