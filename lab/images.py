"""Builds the lab's images, each only when what goes into it has changed."""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lab.base_image import BASE_IMAGE
from lab.commands import output, run
from lab.errors import StepFailedError
from lab.paths import ROOT
from lab.progress import Progress
from lab.registry import has_image

INPUTS_LABEL = "quorate.inputs"
BUILD_SECONDS = 1800.0
IGNORED = {"__pycache__", ".mypy_cache", ".ruff_cache"}


@dataclass(frozen=True)
class Image:
    """One image: its Dockerfile, its context, and the files and folders that go into it."""

    name: str
    dockerfile: str
    context: str
    inputs: tuple[str, ...]
    regions: int = 1  # needed where there are so many

    def tag(self, lab: str) -> str:
        """Each lab has its own tag, so that another checkout's build changes nothing; equal layers are stored once."""
        return f"{self.name}:{lab}"


IMAGES = (
    Image(
        "quorate/services",
        "compose/services.Dockerfile",
        ".",
        (
            "environment",
            "services",
            "storage",
            "compose/at-its-clock",
            "compose/start-monitor",
            "requirements/services.txt",
        ),
    ),
    Image("quorate/db", "db/Dockerfile", "db", ("db",)),
    Image("quorate/mq", "mq/Dockerfile", "mq", ("mq",)),
    Image("quorate/lb", "lb/Dockerfile", "lb", ("lb",)),
    Image("quorate/dns", "lb/dns.Dockerfile", "lb", ("lb",), regions=2),
    Image("quorate/wan", "wan/Dockerfile", "wan", ("wan",)),  # faults of packets use it in any lab
    Image("quorate/client", "client/Dockerfile", "client", ("client",), regions=2),
    Image("quorate/objects", "objects/Dockerfile", "objects", ("objects",)),
)


#: Built when somebody wants it.
CONSOLE = Image(
    "quorate/console",
    "lab/console/Dockerfile",
    ".",
    ("lab", "storage", "requirements/console.txt", "requirements/services.txt"),
)


def digest(root: Path, image: Image, base: str) -> str:
    """One value for everything that the image is made of."""
    summary = hashlib.sha256(base.encode())
    for path in _files(root, (image.dockerfile, *image.inputs)):
        summary.update(f"{path.relative_to(root)}\0{path.stat().st_mode & 0o111}\0".encode())
        summary.update(hashlib.sha256(path.read_bytes()).digest())
    return summary.hexdigest()[:32]


def _files(root: Path, names: Iterable[str]) -> list[Path]:
    found: set[Path] = set()
    for name in names:
        path = root / name
        found.update([path] if path.is_file() else (file for file in path.rglob("*") if file.is_file()))
    return sorted(file for file in found if not IGNORED.intersection(file.parts))


def ensure_images(lab: str, regions: int, progress: Progress) -> None:
    """Return when all images that so many regions need are as their sources are now."""
    ensure([image for image in IMAGES if image.regions <= regions], lab, progress)


def ensure(images: Iterable[Image], lab: str, progress: Progress) -> None:
    """Return when these images are as their sources are now."""
    base = output(["docker", "image", "inspect", "--format", "{{.Id}}", BASE_IMAGE]).strip()
    wanted = [(image, digest(ROOT, image, base)) for image in images]
    stale = [(image, value) for image, value in wanted if _built_from(image.tag(lab)) != value]
    if not stale:
        return
    with ThreadPoolExecutor(max_workers=len(stale)) as pool:
        builds = [pool.submit(_build, image, image.tag(lab), value, progress) for image, value in stale]
        for build in builds:
            build.result()


def remove_images(lab: str) -> list[str]:
    """Remove the lab's own tags; returns those that there were."""
    there = [image.tag(lab) for image in (*IMAGES, CONSOLE) if has_image(image.tag(lab))]
    if there:
        run(["docker", "image", "rm", *there], timeout=60)
    return there


def _built_from(tag: str) -> str:
    template = f'{{{{index .Config.Labels "{INPUTS_LABEL}"}}}}'
    try:
        return output(["docker", "image", "inspect", "--format", template, tag]).strip()
    except StepFailedError:
        return ""


def _build(image: Image, tag: str, value: str, progress: Progress) -> None:
    command = ["docker", "buildx", "build", "--load", "--progress", "plain", "-t", tag]
    command += ["--label", f"{INPUTS_LABEL}={value}", "-f", str(ROOT / image.dockerfile), str(ROOT / image.context)]
    with progress.step(f"Building {image.name}") as note:
        run(command, note, timeout=BUILD_SECONDS)
