"""`quorate dev`: the embedded cloud in the foreground, with an entry in clouds.yaml while it runs."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import clouds
from lab.errors import NotReadyError, StepFailedError
from lab.paths import CLOUDS_FILE, ROOT

#: How long the embedded cloud may take to start, on a slow machine (seconds).
PATIENCE = 60.0


@contextmanager
def embedded_cloud(
    environment: Mapping[str, str] | None = None, log: Path | None = None
) -> Iterator[tuple[dict[str, Any], "subprocess.Popen[bytes]"]]:
    """The embedded cloud as a child process, and where it is; it ends with the context, or with this process.

    With a `log`, its words go there and Ctrl-C is not for it: who holds the context ends it when done with it.
    """
    with tempfile.TemporaryDirectory(prefix="quorate-dev-") as directory, contextlib.ExitStack() as stack:
        announcement = Path(directory) / "announcement"
        child = subprocess.Popen(
            [sys.executable, "-m", "services.assembly.embedded", "--with-stdin", "--announce", str(announcement)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stack.enter_context(log.open("wb")) if log else None,
            start_new_session=log is not None,
        )
        try:
            yield _wait(child, announcement, log), child
        finally:
            child.terminate()
            child.wait(20)
            assert child.stdin is not None
            child.stdin.close()


def _wait(child: "subprocess.Popen[bytes]", announcement: Path, log: Path | None) -> dict[str, Any]:
    give_up = time.monotonic() + PATIENCE
    words = f"in {log}" if log else "above"
    while not announcement.exists():
        if child.poll() is not None:
            raise StepFailedError(f"The embedded cloud ended before it was up; its own words are {words}.")
        if time.monotonic() > give_up:
            raise NotReadyError(f"The embedded cloud was not up after {PATIENCE:.0f} s; its own words are {words}.")
        time.sleep(0.02)
    found: dict[str, Any] = json.loads(announcement.read_text())
    return found


def run(tell: Callable[[str], None]) -> None:
    """Start it, say where it is, wait until it is interrupted, take its entry out of clouds.yaml."""
    began = time.monotonic()
    with embedded_cloud() as (where, child):
        entry = clouds.entry(where["urls"]["identity"], where["region"], where["admin_password"])
        clouds.put(CLOUDS_FILE, entry, clouds.DEV_CLOUD)
        try:
            tell(f"The embedded cloud is up after {time.monotonic() - began:.1f} s. Ctrl-C ends it and all its data.")
            for name, url in where["urls"].items():
                tell(f"  {name:9} {url}")
            tell(f"Try: .venv/bin/openstack --os-cloud {clouds.DEV_CLOUD} catalog list")
            child.wait()
        except KeyboardInterrupt:
            tell("Ended.")
        finally:
            clouds.remove(CLOUDS_FILE, clouds.DEV_CLOUD)
