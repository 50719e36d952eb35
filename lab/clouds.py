"""`clouds.yaml` in the repository root: how the `openstack` command finds this lab."""

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from lab.errors import LabError
from lab.paths import write_private

CLOUD = "quorate"
DEV_CLOUD = "quorate-dev"


def entry(identity_url: str, region: str, password: str) -> dict[str, Any]:
    """The administrator's way in. `identity_url` is identity's root address."""
    return {
        "auth": {
            "auth_url": f"{identity_url}/v3",
            "username": "admin",
            "password": password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": region,
        "identity_api_version": 3,
    }


def put(path: Path, cloud: dict[str, Any], name: str = CLOUD) -> None:
    """Add or replace one entry; others stay."""
    clouds = _read(path)
    clouds[name] = cloud
    _write(path, clouds)


def remove(path: Path, name: str = CLOUD) -> None:
    """Take one entry out, and the file with it when it was the last."""
    clouds = _read(path)
    if clouds.pop(name, None) is None:
        return
    if clouds:
        _write(path, clouds)
    else:
        path.unlink()


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        raise LabError(f"{path} can't be read; mend or remove it. ({str(error).splitlines()[0]})") from error
    return dict(content.get("clouds") or {})


def _write(path: Path, clouds: dict[str, Any]) -> None:
    write_private(path, yaml.safe_dump({"clouds": clouds}, sort_keys=False))
