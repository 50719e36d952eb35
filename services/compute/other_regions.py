"""Whether another region has what this one has not: asked only to refuse it in words that help.

Nothing here may fail a request: a region that cannot be reached, or takes long, has nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import urllib3

log = logging.getLogger(__name__)

#: The volume service's type, and the names that it had before.
_VOLUME_TYPES: Final = frozenset({"block-storage", "volumev3", "block-store", "volume"})
#: The interfaces by preference: services reach one another by the internal one.
_INTERFACES: Final = ("internal", "public")
_BRIEFLY: Final = urllib3.Timeout(connect=0.5, read=1.5)


@dataclass(frozen=True, slots=True)
class VolumeElsewhere:
    """A volume of another region, and its size in GiB."""

    id: str
    region: str
    size: int

    def refusal(self, own_region: str) -> str:
        """Why a server of `own_region` cannot have it, and what to do instead."""
        return (
            f"Volume {self.id} is in {self.region}; a server in {own_region} can't use it: every read and write would "
            "wait for the distance between the regions. Copy its data: "
            f"`openstack --os-region-name {self.region} image create --volume {self.id} NAME`, then, when the image is "
            f"active, `openstack --os-region-name {own_region} volume create --image NAME --size {self.size} NAME`."
        )


def volume_services(catalog: Sequence[Mapping[str, Any]], own_region: str) -> dict[str, str]:
    """The addresses of the other regions' volume services, by region. Pure."""
    found: dict[str, str] = {}
    for interface in reversed(_INTERFACES):
        for service in catalog:
            if service["type"] in _VOLUME_TYPES:
                found |= {
                    one["region_id"]: one["url"].rstrip("/")
                    for one in service["endpoints"]
                    if one["interface"] == interface and one["region_id"] not in (None, own_region)
                }
    return found


class OtherRegions:
    """Asks in the name of the user who asks compute."""

    def __init__(self, identity_url: str, own_region: str) -> None:
        self._catalog = identity_url.rstrip("/") + "/v3/auth/catalog"
        self._own = own_region
        self._pool = urllib3.PoolManager(maxsize=4, timeout=_BRIEFLY, retries=False)

    def find_volume(self, volume_id: str, token: str) -> VolumeElsewhere | None:
        """The volume, where another region has it and the token's bearer may see it."""
        catalog = (self._get(self._catalog, token) or {}).get("catalog", [])
        for region, url in sorted(volume_services(catalog, self._own).items()):
            found = self._get(f"{url}/volumes/{quote(volume_id, safe='')}", token)
            if found is not None:
                return VolumeElsewhere(volume_id, region, int(found["volume"]["size"]))
        return None

    def _get(self, url: str, token: str) -> dict[str, Any] | None:
        try:
            answer = self._pool.request("GET", url, headers={"X-Auth-Token": token})
            return dict(json.loads(answer.data)) if answer.status == 200 else None
        except (urllib3.exceptions.HTTPError, ValueError) as error:
            log.info("%s has no answer for us: %s", url, error)
            return None
