"""PowerDNS's remote backend: it connects to a socket and asks in JSON, a line a question."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

from nameserver import zone

SOCKET = Path("/run/nameserver/records.sock")

Zone = Callable[[], list[zone.Record]]


def reply(question: dict[str, object], current: Zone) -> object:
    """What PowerDNS gets as `result`; false where there is nothing."""
    parameters = question.get("parameters")
    assert isinstance(parameters, dict)
    match question["method"]:
        case "initialize":
            return True
        case "lookup":
            found = zone.answer(current(), str(parameters["qname"]), str(parameters["qtype"]))
            return [
                {"qname": record.name, "qtype": record.kind, "content": record.content, "ttl": zone.TTL}
                for record in found
            ] or False
        case "getDomainInfo" if str(parameters["name"]).rstrip(".") == zone.ZONE:
            return {"id": 1, "zone": f"{zone.ZONE}.", "kind": "NATIVE", "serial": 1}
    return False


class Backend(threading.Thread):
    """Answers PowerDNS, which keeps one connection for each of its threads."""

    def __init__(self, current: Zone) -> None:
        super().__init__(daemon=True, name="backend")
        self._current = current
        SOCKET.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(SOCKET))
        os.chmod(SOCKET, 0o600)
        self._listener.listen(8)

    def run(self) -> None:
        """Serve until the process ends."""
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection, connection.makefile("rw", newline="\n") as lines:
            for line in lines:
                lines.write(json.dumps({"result": reply(json.loads(line), self._current)}) + "\n")
                lines.flush()
