"""Fills the templates in."""

from __future__ import annotations

from pathlib import Path
from string import Template

from node.rings import devices
from node.settings import Settings

TEMPLATES = Path("/usr/share/quorate")
DIRECTORY = Path("/etc/swift")


def values(settings: Settings, reserve: Path = DIRECTORY / "reserve") -> dict[str, str]:
    """What the templates ask for; `reserve` says how much of the disk is to stay free, where it is there."""
    return {
        "hash_prefix": settings.hash_prefix,
        "hash_suffix": settings.hash_suffix,
        "region": str(settings.region),
        "region_name": settings.region_name,
        "identity": f"http://{settings.subnet}.10:5000",
        "service_password": settings.service_password,
        "reserve": reserve.read_text() if reserve.exists() else "0",
        "nodes": " ".join(device.ip for device in devices(settings.subnets)),
    }


def write(settings: Settings, templates: Path = TEMPLATES, directory: Path = DIRECTORY) -> None:
    """Write every configuration file; secrets are in them, so for their owner only."""
    filled = values(settings)
    for template in sorted(templates.glob("*.conf")):
        path = directory / template.name
        path.write_text(Template(template.read_text()).substitute(filled))
        path.chmod(0o600)
