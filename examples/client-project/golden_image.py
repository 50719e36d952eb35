"""A team's own code: uploads its golden image and boots a server from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import openstack
from openstack.connection import Connection


def publish(cloud: Connection, name: str, file: Path) -> Any:
    """Upload the image under this name; an older one of the name is hidden, not deleted."""
    old = list(cloud.image.images(name=name, owner=cloud.current_project_id))
    new = cloud.image.create_image(
        name=name, data=file.read_bytes(), disk_format="raw", container_format="bare", wait=True
    )
    for image in old:
        cloud.image.update_image(image, is_hidden=True)
    return new


def boot(cloud: Connection, image: str, server: str, flavor: str = "m1.tiny") -> Any:
    """Boot a server from the newest image of this name; returns it when it is ACTIVE."""
    newest = next(cloud.image.images(name=image, status="active", sort="created_at:desc"))
    size = cloud.compute.find_flavor(flavor, ignore_missing=False)
    made = cloud.compute.create_server(name=server, image_id=newest.id, flavor_id=size.id, networks="none")
    return cloud.compute.wait_for_server(made, interval=0.1, wait=60)


if __name__ == "__main__":
    with openstack.connect() as connection:
        publish(connection, "golden", Path("golden.raw"))
        print(boot(connection, "golden", "web").status)
