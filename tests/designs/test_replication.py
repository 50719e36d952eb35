"""A primary and its replicas, as the page on designs tells people to try them: its commands, on a lab of that design.

No other lab may be up in this checkout: a checkout has one.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator

import pytest

from lab.paths import ROOT, STATE_FILE

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

SECONDS = 300
COMMAND = re.compile(r"^(\.venv/bin/[^#\n]*)", re.MULTILINE)
LOST = "transactions, which are lost to everybody else"


def run(command: str) -> str:
    """What a command says; it must end well."""
    environment = {**os.environ, "DB": "replication", "REGIONS": ""}
    done = subprocess.run(
        command.split(),
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    said = done.stdout + done.stderr
    assert (done.returncode, "Traceback" in said) == (0, False), f"{command}\n{said}"
    return said


@pytest.fixture(scope="module")
def replicated() -> Iterator[None]:
    """A lab with a primary and replicas, and one server in it."""
    if STATE_FILE.exists():
        reason = "a lab is up in this checkout"
        if os.environ.get("CI"):
            pytest.fail(f"{reason}, and CI wants this test run")
        pytest.skip(reason)
    try:
        run(".venv/bin/quorate up")
        openstack = ".venv/bin/openstack --os-cloud quorate"
        run(f"{openstack} image create --file README.md --disk-format raw demo")
        run(f"{openstack} server create --image demo --flavor m1.tiny --wait first")
        yield
    finally:
        run(".venv/bin/quorate down")


def test_the_commands_about_a_primary_and_its_replicas(replicated: None) -> None:
    page = (ROOT / "docs" / "designs.md").read_text()
    section = page[page.index("## A primary and its replicas") : page.index("## Side by side")]
    said = [(command.removeprefix(".venv/bin/"), run(command)) for command in COMMAND.findall(section)]
    assert len(said) > 8
    lost = [answer for command, answer in said if command == "quorate db lost"]
    assert any(LOST in answer for answer in lost), "what a forced failover lost is not seen"
    assert LOST not in run(".venv/bin/quorate db lost"), "what was thrown away is still there"
    assert run(".venv/bin/openstack --os-cloud quorate server show -f value -c name first").strip() == "first"
