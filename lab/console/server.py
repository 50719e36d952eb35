"""Serves the console on one socket until it is told to end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
from fastapi import FastAPI

from lab.console.board import Board


def serve(app: FastAPI, listener: socket.socket, ending: Callable[[], None]) -> None:
    """Serve until Ctrl-C; `ending` is called as the end begins. Tokens are in addresses: nothing is logged of them."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, ws="none", timeout_graceful_shutdown=5
    )
    with contextlib.suppress(KeyboardInterrupt):  # the server raises it anew when it has ended
        Server(config, app.state.board, ending).run(sockets=[listener])


class Server(uvicorn.Server):
    """A server whose open streams end as soon as the end begins: else it would wait for the browsers."""

    def __init__(self, config: uvicorn.Config, board: Board, ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._board, self._ending = board, ending

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal."""
        if not self._board.is_ended:
            self._ending()
        self._board.end()
        super().handle_exit(sig, frame)
