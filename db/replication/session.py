"""One lasting conversation with the server, through its own client: asking often must not cost a process each time."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import time
from collections.abc import Iterable

SOCKET = "/run/galera/mysqld.sock"
CLIENT = ["/usr/bin/mariadb", "--no-defaults", f"--socket={SOCKET}", "--user=mysql", "--skip-ssl", "--batch"]
END = "quorate_end"
PATIENCE = 3.0


class Session:
    """Opened when first used, and again after it broke."""

    def __init__(self) -> None:
        self._client: subprocess.Popen[bytes] | None = None

    def ask(self, statements: Iterable[str], patience: float = PATIENCE) -> dict[str, str] | None:
        """Run statements; the columns of all their rows, by name. None where the server does not answer in time."""
        text = "".join(f"{statement}\\G\n" for statement in [*statements, f"select 1 as {END}"])
        try:
            return self._converse(text, time.monotonic() + patience)
        except OSError:
            self.close()
            return None

    def close(self) -> None:
        """End the conversation."""
        client, self._client = self._client, None
        if client is not None:
            client.kill()
            for stream in (client.stdin, client.stdout):
                with contextlib.suppress(OSError):
                    stream.close()  # type: ignore[union-attr]
            with contextlib.suppress(ChildProcessError):
                client.wait()

    def _converse(self, text: str, give_up: float) -> dict[str, str]:
        if self._client is None:
            _knock()
            self._client = subprocess.Popen(  # noqa: S603 - a fixed command
                [*CLIENT, "--unbuffered", "--force"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        assert self._client.stdin is not None
        assert self._client.stdout is not None
        self._client.stdin.write(text.encode())
        self._client.stdin.flush()
        received = b""
        while f"{END}: 1".encode() not in received:
            ready, _, _ = select.select([self._client.stdout], [], [], max(0.0, give_up - time.monotonic()))
            chunk = os.read(self._client.stdout.fileno(), 65536) if ready else b""
            if not chunk:
                raise OSError("no answer")
            received += chunk
        return columns(received.decode("utf-8", "replace"))


def once(text: str) -> str:
    """Run statements, the secrets in them on standard input; the rows, a line each. Raises SubprocessError."""
    line = [*CLIENT, "--skip-column-names"]
    done = subprocess.run(line, input=text, text=True, stdout=subprocess.PIPE, check=True, timeout=10)  # noqa: S603
    return done.stdout


def _knock() -> None:
    """Raise OSError where no server listens: to start a client only to hear that would be dear while one starts."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.settimeout(1.0)
        door.connect(SOCKET)


def columns(text: str) -> dict[str, str]:
    """The columns of a vertical answer. Pure."""
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {name.strip(): value.strip() for name, value in pairs}
