"""What the machine under test is made of: Debian's kernel, and the file system of the router's image."""

from __future__ import annotations

import os
import platform
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.commands import output
from lab.errors import StepFailedError
from tests.netem import modules
from tests.netem.archive import Archive

KERNEL = "linux-image-cloud-amd64"
IMAGE = "quorate/wan"
ROUTER = Path(__file__).resolve().parents[2] / "wan"
LEFT_OUT = ("dev/", "proc/", "sys/", "opt/quorate/", "var/", "usr/lib/x86_64-linux-gnu/gconv/")
GUEST = Path(__file__).with_name("guest.py")


def fetch_kernel(folder: Path) -> Path:
    """Download the package of the kernel that `linux-image-cloud-amd64` stands for here; needs no root."""
    if platform.machine() != "x86_64":
        pytest.skip("boots Debian's kernel for amd64 beside images of this machine's kind")
    try:
        depends = output(["apt-cache", "depends", "--important", KERNEL])
        package = next(line.split()[1] for line in depends.splitlines() if "Depends:" in line)
        output(["env", f"--chdir={folder}", "apt-get", "download", "-qq", package], timeout=300)
    except (StepFailedError, StopIteration) as error:
        missing(f"no {KERNEL} from apt: {error}")
    return next(folder.glob("*.deb"))


def image() -> str:
    """The newest image of the router that the engine has."""
    try:
        names = output(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}", IMAGE]).split()
    except StepFailedError as error:
        missing(f"no Docker engine: {error}")
    if not names:
        missing(f"no image {IMAGE} yet: make up")
    return names[0]


def missing(reason: str) -> None:
    """Skip, or fail where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason}, and CI wants these tests run")
    pytest.skip(reason)


def unpack_kernel(package: Path, folder: Path) -> dict[str, bytes]:
    """The kernel goes into `folder`; returns its network's modules by name, each as its file is."""
    found = {}
    with _tar_of(["dpkg-deb", "--fsys-tarfile", str(package)]) as tar:
        for member in tar:
            file = tar.extractfile(member) if member.isreg() else None
            if file and member.name.startswith("./boot/vmlinuz-"):
                (folder / "vmlinuz").write_bytes(file.read())
            elif file and ".ko" in member.name and ("/net/" in member.name or "/lib/" in member.name):
                found[modules.name(member.name)] = file.read()
    return found


def write_root(file: Path, image: str, found: dict[str, bytes]) -> None:
    """The image's files, with the router as it is in this checkout, the modules, and the program that runs it all."""
    with file.open("wb") as target:
        archive = Archive(target)
        with exported(image) as tar:
            archive.add_tar(tar, LEFT_OUT)
        for source in ROUTER.rglob("*.py"):
            archive.add_file(f"opt/quorate/{source.relative_to(ROUTER)}", source.read_bytes(), 0o644)
        archive.add_file("usr/local/bin/wan", (ROUTER / "wan").read_bytes())
        archive.add_file("etc/wan/bird.conf", (ROUTER / "bird.conf").read_bytes(), 0o644)
        for module in modules.in_order(modules.ALL, found):
            archive.add_file(f"modules/{module}.ko", modules.code(found[module]), 0o644)
        archive.add_file("guest.py", GUEST.read_bytes(), 0o644)
        archive.close()


@contextmanager
def exported(image: str) -> Iterator[tarfile.TarFile]:
    """The files of an image, by way of a container that never runs."""
    container = output(["docker", "create", "--network", "none", image]).strip()
    try:
        with _tar_of(["docker", "export", container]) as tar:
            yield tar
    finally:
        output(["docker", "rm", container])


@contextmanager
def _tar_of(command: list[str]) -> Iterator[tarfile.TarFile]:
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as tar:
            yield tar
        assert process.stdout
        process.stdout.read()
    assert process.returncode == 0, command
