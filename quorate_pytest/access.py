"""A way into a cloud as one user: as an entry of clouds.yaml, as a connection, as variables of an environment."""

from __future__ import annotations

import copy
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openstack.connection import Connection

#: What an entry of clouds.yaml has beside `auth`, and clients also take from their environment.
ALSO_IN_ENVIRONMENT = ("auth_type", "interface", "identity_api_version", "cacert")


#: What says in `auth` where a user is scoped to.
SCOPE = {"project_id", "project_name", "project_domain_id", "project_domain_name", "domain_name", "system_scope"}


@dataclass(frozen=True, kw_only=True)
class Access:
    """One entry of clouds.yaml, with the region that is asked first."""

    cloud_config: dict[str, Any]
    region: str
    _opened: list[Connection] = field(default_factory=list, repr=False, compare=False)

    @property
    def auth_url(self) -> str:
        """Identity's address, `/v3` included."""
        return str(self.cloud_config["auth"]["auth_url"])

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment with the `OS_` variables of this user and no others, for a subprocess."""
        values = {**self.cloud_config["auth"], "region_name": self.region}
        values |= {name: self.cloud_config[name] for name in ALSO_IN_ENVIRONMENT if name in self.cloud_config}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}
        return kept | {f"OS_{name.upper()}": str(value) for name, value in values.items() if value}

    def connect(self, **options: Any) -> Connection:
        """A connection of openstacksdk. `options` are those of `openstack.connect`; `auth` is merged."""
        import openstack

        config = self.cloud_config | {"region_name": self.region} | options
        config["auth"] = self.cloud_config["auth"] | options.get("auth", {})
        config.pop("regions", None)
        with sdk_warnings_ignored():
            connection = openstack.connect(load_yaml_config=False, load_envvars=False, **config)
        self._opened.append(connection)
        return connection

    def close(self) -> None:
        """Close all connections that were made here."""
        while self._opened:
            self._opened.pop().close()

    def in_project(self, name: str, domain_id: str, login: dict[str, str] | None = None) -> dict[str, Any]:
        """The same entry in another project: for the same user, or for the one of `login`."""
        own = {key: value for key, value in self.cloud_config["auth"].items() if key not in SCOPE}
        auth = {"auth_url": self.auth_url, **(login or own), "project_name": name, "project_domain_id": domain_id}
        return copy.deepcopy(self.cloud_config) | {"auth": auth}


@contextmanager
def sdk_warnings_ignored() -> Iterator[None]:
    """For the plugin's own calls: the SDK warns of its own future, and tests may make errors of warnings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
