#!/opt/client/bin/python
"""The client's own way to a second entrance: try the endpoints of the catalog in turn, and say which one served.

Usage: several_endpoints.py [--cloud quorate] [--seconds 30]

DNS and anycast hide the choice from the client. Here the client makes it: openstacksdk knows every region's endpoints
from the catalog, and a program that can live with either region asks the next one when the first is silent.
"""

import argparse
import time

import openstack
from keystoneauth1 import exceptions
from openstack.config import OpenStackConfig
from openstack.config.cloud_region import CloudRegion

PATIENCE = 1.0
SERVICES = ("identity", "image")
FAILURES = (exceptions.ClientException, openstack.exceptions.SDKException)


class Everywhere:
    """One cloud, reached through whichever of its regions answers."""

    def __init__(self, cloud: str) -> None:
        regions = OpenStackConfig().get_all()
        self.regions = [region for region in regions if region.name == cloud]
        self.connections: dict[str, openstack.connection.Connection] = {}

    def ask(self, service: str, path: str) -> tuple[str, object]:
        """GET the path of the service in the first region that answers; that region is asked first the next time."""
        errors = []
        for region in list(self.regions):
            name = region.region_name
            try:
                answer = getattr(self._connection(region), service).get(path, timeout=PATIENCE, connect_retries=0)
                openstack.exceptions.raise_from_response(answer)
            except FAILURES as error:
                errors.append(f"{name}: {type(error).__name__}")
                self.regions.append(self.regions.pop(0))
                continue
            return name, answer.json()
        raise SystemExit(f"no region serves {service} ({'; '.join(errors)})")

    def _connection(self, region: CloudRegion) -> openstack.connection.Connection:
        if region.region_name not in self.connections:
            region.config["api_timeout"] = PATIENCE
            self.connections[region.region_name] = openstack.connection.Connection(config=region)
        return self.connections[region.region_name]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cloud", default="quorate")
    parser.add_argument("--seconds", type=float, default=30)
    options = parser.parse_args()
    everywhere = Everywhere(options.cloud)
    if not everywhere.regions:
        raise SystemExit(f"clouds.yaml has no cloud {options.cloud!r}")
    deadline = time.monotonic() + options.seconds
    while time.monotonic() < deadline:
        for service, path in zip(SERVICES, ("/auth/projects", "/images"), strict=True):
            began = time.monotonic()
            region, _ = everywhere.ask(service, path)
            took = (time.monotonic() - began) * 1000
            print(f"{time.strftime('%H:%M:%S')}  {service:9} served by {region}  {took:.0f} ms", flush=True)
        time.sleep(0.5)


if __name__ == "__main__":
    main()
