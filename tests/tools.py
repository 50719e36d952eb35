"""Programs that tests drive: whoever lacks one is told which package has it; in CI they must be there."""

from __future__ import annotations

import os
import shutil

import pytest

PACKAGES = {"nbdinfo": "libnbd-bin", "nbdcopy": "libnbd-bin", "qemu-img": "qemu-utils", "qemu-io": "qemu-utils"}
PACKAGES |= {"fio": "fio", "etcd": "etcd-server", "chromium": "chromium", "qemu-system-x86_64": "qemu-system-x86"}


def need(*programs: str) -> None:
    """Skip the test, or fail it where CI is set, unless all programs are installed."""
    missing = sorted({PACKAGES[program] for program in programs if shutil.which(program) is None})
    if missing:
        sentence = f"needs Debian's {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(sentence)
        pytest.skip(sentence)


def program(name: str) -> str:
    """Where one is; the test is skipped, or fails, where it is not."""
    need(name)
    return str(shutil.which(name))
