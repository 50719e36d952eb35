"""`quorate console` as a process: where it listens, what it prints, how it ends."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from lab.console.command import HOST, listen
from lab.errors import LabError
from lab.paths import ROOT


@pytest.fixture
def console() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", "from lab.cli import main; main()", "console"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


@pytest.mark.slow
def test_ctrl_c_ends_it_though_pages_are_open(console: subprocess.Popen[str]) -> None:
    assert console.stdout is not None
    found = re.search(r"http://127\.0\.0\.1:(\d+)(/\?token=\S+)$", console.stdout.readline().strip())
    assert found is not None
    connection = http.client.HTTPConnection(HOST, int(found[1]), timeout=30)
    connection.request("GET", found[2])
    answer = connection.getresponse()
    answer.read()
    cookie = str(answer.headers["set-cookie"]).partition(";")[0]
    connection.request("GET", "/stream", headers={"cookie": cookie})
    stream = connection.getresponse()
    assert stream.status == 200
    assert stream.readline().startswith(b"event: ")
    console.send_signal(signal.SIGINT)
    assert console.wait(30) == 0
    connection.close()


def test_it_listens_on_this_machine_only_and_says_when_a_port_is_taken() -> None:
    with listen(0) as listener:
        host, port = listener.getsockname()
        assert host == HOST
        with pytest.raises(LabError, match=f"Port {port} of 127.0.0.1"):
            listen(port)
    assert socket.gethostbyname(HOST) == "127.0.0.1"
