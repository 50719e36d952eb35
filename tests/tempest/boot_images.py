"""The two images that Tempest's tests of servers and volumes take for granted."""

from __future__ import annotations

from typing import Protocol

import openstack

SIZE = 1 << 20


class Login(Protocol):
    """Where a cloud is and how to get in."""

    auth_url: str
    username: str
    password: str
    project: str
    domain: str
    region: str


def boot_images(target: Login) -> tuple[str, str]:
    """The ids of two raw images that everybody may use; made where they are missing."""
    connection = openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        region_name=target.region,
        auth_type="v3password",
        auth={
            "auth_url": target.auth_url,
            "username": target.username,
            "password": target.password,
            "project_name": target.project,
            "user_domain_name": target.domain,
            "project_domain_name": target.domain,
        },
    )
    with connection:
        first, second = (_image(connection, f"tempest-{number}") for number in (1, 2))
    return first, second


def _image(connection: openstack.connection.Connection, name: str) -> str:
    found = next(connection.image.images(name=name, status="active"), None)
    if found is None:
        data = name.encode() * (SIZE // len(name))
        found = connection.image.create_image(
            name=name, data=data, disk_format="raw", container_format="bare", visibility="public", min_disk=0
        )
    return str(found.id)
