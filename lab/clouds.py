"""`clouds.yaml` in the repository root: how the `openstack` command finds this lab."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.errors import LabError
from lab.paths import write_private
from lab.topology import Topology

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


def entries(regions: Sequence[Topology], password: str) -> dict[str, dict[str, Any]]:
    """The lab's entries: `quorate` knows every region and begins with the first; one more for each other region,
    which asks that region's identity, for when the first is lost."""
    names = [region.region for region in regions]
    found = {}
    for region in regions:
        own_first = [region.region, *(name for name in names if name != region.region)]
        cloud = entry(region.identity_url, region.region, password)
        if len(names) > 1:
            del cloud["region_name"]
            cloud["regions"] = own_first
        found[CLOUD if region is regions[0] else f"{CLOUD}-{region.site}"] = cloud
    return found


def world_entries(regions: Sequence[Topology], password: str) -> dict[str, dict[str, Any]]:
    """What the client at the third site uses: the catalog's internal addresses, which are the regions' own.

    `quorate` logs in by name and then takes each region's endpoints from the catalog; `quorate-dns` and
    `quorate-anycast` ask by name, or at the announced address, for all that the regions share.
    """
    found = {}
    for name, host in (
        (CLOUD, ""),
        (f"{CLOUD}-dns", "{service}.quorate.test"),
        (f"{CLOUD}-anycast", "anycast.quorate.test"),
    ):
        cloud = entry(f"http://{(host or '{service}.quorate.test').format(service='identity')}:5000", "", password)
        del cloud["region_name"]
        cloud |= {"regions": [region.region for region in regions], "interface": "internal"}
        if host:
            cloud["identity_endpoint_override"] = f"http://{host.format(service='identity')}:5000/v3"
            cloud["image_endpoint_override"] = f"http://{host.format(service='image')}:9292"
            objects = f"http://{host.format(service='object')}:8080/v1/AUTH_%(project_id)s"
            cloud["object_store_endpoint_override"] = objects
        found[name] = cloud
    return found


def write_world(path: Path, regions: Sequence[Topology], password: str) -> None:
    """The client container's file. Its reader has a user of its own there; the directory keeps all others out."""
    _write(path, world_entries(regions, password))
    path.chmod(0o644)


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
