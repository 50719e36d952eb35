"""Where things are in the checkout."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"
STATE_FILE = VAR / "lab.json"
ENV_FILE = VAR / "lab.env"
CLOUDS_FILE = ROOT / "clouds.yaml"
CLIENT_CLOUDS_FILE = VAR / "client-clouds.yaml"
REGION_FILE = ROOT / "compose" / "region.yaml"
OUTSIDE_FILE = ROOT / "compose" / "outside.yaml"


def env_file(site: str) -> Path:
    """All that compose needs to know of one site."""
    return VAR / f"{site}.env"


def private_directory(path: Path) -> Path:
    """Make a directory that only its owner can enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Replace a file at once, never readable by others and never half-written."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
