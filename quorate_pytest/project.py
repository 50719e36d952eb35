"""A project of one test: made with a member, removed with all that it owns."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from quorate_pytest.access import Access, sdk_warnings_ignored
from quorate_pytest.cloud import Cloud, NoCloudError
from quorate_pytest.sweep import sweep


@dataclass(frozen=True, kw_only=True)
class Project(Access):
    """A project, with its member's way in."""

    id: str
    name: str
    user_id: str
    username: str
    password: str


@contextmanager
def new_project(cloud: Cloud) -> Iterator[Project]:
    """A fresh project with one user, whose role is member; both go with the context, and what the project owns."""
    removal = ExitStack()
    try:
        with sdk_warnings_ignored():
            made = _make(cloud, removal)
        yield made
    finally:
        with sdk_warnings_ignored():
            removal.close()


def _make(cloud: Cloud, removal: ExitStack) -> Project:
    identity, name, password = cloud.admin.identity, f"test-{uuid.uuid4().hex[:8]}", uuid.uuid4().hex
    domain = _domain(cloud)
    project = identity.create_project(name=name, domain_id=domain)
    removal.callback(identity.delete_project, project.id, ignore_missing=True)
    user = identity.create_user(name=name, password=password, domain_id=domain)
    removal.callback(identity.delete_user, user.id, ignore_missing=True)
    _assign(identity, project.id, user.id, "member")
    removal.callback(_empty, cloud, project.id, user.id, cloud.in_project(name, domain))
    login = {"username": name, "password": password, "user_domain_id": domain}
    made = Project(
        cloud_config=cloud.in_project(name, domain, login), region=cloud.region,
        id=project.id, name=name, user_id=user.id, username=name, password=password,
    )  # fmt: skip
    removal.callback(made.close)
    return made


def _empty(cloud: Cloud, project_id: str, user_id: str, as_admin: dict[str, Any]) -> None:
    """Remove what the project owns in every region, as the administrator: a test may have changed its user."""
    from openstack.exceptions import NotFoundException

    identity = cloud.admin.identity
    try:
        identity.update_project(project_id, is_enabled=True)
    except NotFoundException:
        return
    _assign(identity, project_id, str(cloud.admin.current_user_id), "admin")
    scoped = Access(cloud_config=as_admin, region=cloud.region)
    for region in cloud.regions:
        with scoped.connect(region_name=region) as connection:
            sweep(connection, project_id, user_id)


def _assign(identity: Any, project_id: str, user_id: str, role: str) -> None:
    found = identity.find_role(role, ignore_missing=False)
    identity.assign_project_role_to_user(project_id, user_id, found)


def _domain(cloud: Cloud) -> str:
    """The domain of the administrator's own project: new ones go beside it."""
    if "password" not in cloud.cloud_config["auth"]:
        raise NoCloudError(f"The cloud {cloud.name!r} needs an administrator with a password: tests make projects.")
    access = cloud.admin.session.auth.get_access(cloud.admin.session)
    return str(access.project_domain_id)
