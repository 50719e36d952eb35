"""The console as a container: what is read out of its log, and that its image has all that it imports."""

from __future__ import annotations

from lab.console.detached import address_in
from lab.paths import ROOT


def test_the_address_is_found_whatever_else_is_said() -> None:
    assert address_in("") is None
    assert address_in("Traceback\nhttp://127.0.0.1:1/ is taken\n") is None
    log = "warning\nThe console is at http://127.0.0.1:31640/?token=T_x-1\nOnly this machine can open it.\n"
    assert address_in(log) == "http://127.0.0.1:31640/?token=T_x-1"


def test_the_host_installs_what_the_image_does() -> None:
    assert "-r console.txt" in (ROOT / "requirements" / "lab.txt").read_text()
