"""The first data: what must be there before anybody can log in. Found by name, made where missing, never overwritten.

Only the addresses in the catalog are brought up to date. All of it is one transaction: a run that was killed left
nothing half-done, and of two runs at once one waits or runs again and finds everything there.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session

from services.identity.keys import ensure_keys
from services.identity.models import (
    SYSTEM,
    Ancestor,
    Assignment,
    Domain,
    Endpoint,
    ImpliedRole,
    Password,
    Project,
    Region,
    Role,
    Service,
    User,
)
from services.identity.password_store import set_password
from services.identity.passwords import Passwords
from services.identity.settings import IdentitySettings
from services.platform.database import Transactor

R = TypeVar("R", bound=DeclarativeBase)

_NAMESPACE = uuid.UUID("5f6d4a7e-0f0b-4a55-9a44-6f5d0c1f1a5e")
DEFAULT_DOMAIN = "default"

#: From most to least; each implies the next.
LADDER = ("admin", "manager", "member", "reader")
OTHER_ROLES = ("service", "ResellerAdmin")
#: The roles of service users on the project `service`: `admin` to act for others, `service` to be known as services.
SERVICE_ROLES = ("service", "admin")
SERVICE_USERS = ("nova", "glance", "cinder", "neutron", "swift")

#: Service users and the first administrator work for all: nobody locks them out by guessing.
NO_LOCKOUT = {"ignore_lockout_failure_attempts": True}


@dataclass(frozen=True, slots=True)
class Address:
    """One service of the catalog, with its URL for clients and for the other services."""

    type: str
    name: str
    public: str
    internal: str


@dataclass(frozen=True, slots=True)
class FirstData:
    """What differs from cloud to cloud."""

    region: str
    admin_password: str
    service_password: str
    catalog: tuple[Address, ...]

    @classmethod
    def of_region(
        cls,
        region: str,
        *,
        admin_password: str,
        service_password: str,
        identity: tuple[str, str],
        image: tuple[str, str],
        compute: tuple[str, str],
        volume: tuple[str, str] | None = None,
        objects: tuple[str, str] | None = None,
    ) -> FirstData:
        """(public, internal) root addresses of the services, no slash at the end; None where there is none."""
        catalog: tuple[Address, ...] = (
            Address("identity", "keystone", f"{identity[0]}/v3", f"{identity[1]}/v3"),
            Address("image", "glance", image[0], image[1]),
            Address("compute", "nova", f"{compute[0]}/v2.1", f"{compute[1]}/v2.1"),
        )
        if volume is not None:
            with_project = [f"{root}/v3/$(project_id)s" for root in volume]
            catalog += (Address("block-storage", "cinder", *with_project),)
        if objects is not None:
            accounts = [f"{root}/v1/AUTH_$(project_id)s" for root in objects]
            catalog += (Address("object-store", "swift", *accounts),)
        return cls(region, admin_password, service_password, catalog)


def bootstrap(transactor: Transactor, data: FirstData, settings: IdentitySettings) -> None:
    """Make what is missing. The schema must be there. Safe to run at any time, and several times at once."""
    passwords = Passwords(settings.argon2_time_cost, settings.argon2_memory_kib)
    hashes = {"admin": passwords.hash(data.admin_password), "service": passwords.hash(data.service_password)}

    def work(session: Session) -> None:
        _Bootstrap(session, data, hashes).run()

    for _ in range(5):
        try:
            return transactor.write(work)
        except IntegrityError:
            # Another run has just stored some of it.
            continue
    return transactor.write(work)


def stable_id(*words: str) -> str:
    """The same id in every run."""
    return uuid.uuid5(_NAMESPACE, ":".join(words)).hex


class _Bootstrap:
    def __init__(self, session: Session, data: FirstData, hashes: dict[str, str]) -> None:
        self.session, self.data, self.hashes = session, data, hashes

    def run(self) -> None:
        ensure_keys(self.session)
        domain = self._ensure(
            Domain, Domain.id == DEFAULT_DOMAIN, id=DEFAULT_DOMAIN, name="Default", description="The default domain",
            enabled=True, tags=[], options={}, extra={},
        )  # fmt: skip
        roles = {name: self._role(name).id for name in (*LADDER, *OTHER_ROLES)}
        for prior, implied in pairwise(LADDER):
            pair = (ImpliedRole.prior_id == roles[prior]) & (ImpliedRole.implied_id == roles[implied])
            self._ensure(ImpliedRole, pair, prior_id=roles[prior], implied_id=roles[implied])
        admin_project = self._project(domain, "admin", "The cloud's administrators")
        service_project = self._project(domain, "service", "The cloud's own services")
        admin, new = self._user(domain, "admin", admin_project, self.hashes["admin"])
        if new:
            self._grant(admin, admin_project, "project", roles["admin"])
            self._grant(admin, SYSTEM, "system", roles["admin"])
        for name in SERVICE_USERS:
            user, new = self._user(domain, name, service_project, self.hashes["service"])
            for role in SERVICE_ROLES if new else ():
                self._grant(user, service_project, "project", roles[role])
        self._catalog()

    def _ensure(self, model: type[R], condition: ColumnElement[bool], **columns: Any) -> R:
        row = self.session.scalars(select(model).where(condition)).first()
        if row is None:
            row = model(**columns)
            self.session.add(row)
            self.session.flush()
        return row

    def _role(self, name: str) -> Role:
        options = {"immutable": True} if name in LADDER else {}
        return self._ensure(
            Role, (Role.name == name) & (Role.domain_id == ""), id=stable_id("role", name), domain_id="", name=name,
            description=None, options=options, extra={},
        )  # fmt: skip

    def _project(self, domain: Domain, name: str, description: str) -> str:
        row = self._ensure(
            Project, (Project.name == name) & (Project.domain_id == domain.id), id=stable_id("project", name),
            domain_id=domain.id, parent_id=None, name=name, description=description, enabled=True, tags=[],
            options={}, extra={},
        )  # fmt: skip
        pair = (Ancestor.project_id == row.id) & (Ancestor.ancestor_id == domain.id)
        self._ensure(Ancestor, pair, project_id=row.id, ancestor_id=domain.id)
        return row.id

    def _user(self, domain: Domain, name: str, project_id: str, stored: str) -> tuple[str, bool]:
        """The user's id, and whether it was made now: its password and roles are set once and then its own affair."""
        user = self._ensure(
            User, (User.name == name) & (User.domain_id == domain.id), id=stable_id("user", name),
            domain_id=domain.id, name=name, enabled=True, default_project_id=None, token_epoch=0,
            options=dict(NO_LOCKOUT), extra={},
        )  # fmt: skip
        new = not self.session.scalar(select(exists().where(Password.user_id == user.id)))
        if new:
            set_password(self.session, user, stored, 0)
            self.session.flush()
        return user.id, new

    def _grant(self, user_id: str, target_id: str, target_type: str, role_id: str) -> None:
        same = (Assignment.actor_id == user_id) & (Assignment.target_id == target_id)
        self._ensure(
            Assignment, same & (Assignment.role_id == role_id) & Assignment.inherited.is_(False), actor_id=user_id,
            target_id=target_id, role_id=role_id, inherited=False, actor_type="user", target_type=target_type,
        )  # fmt: skip

    def _catalog(self) -> None:
        region = self.data.region
        self._ensure(Region, Region.id == region, id=region, parent_region_id=None, description="", extra={})
        for address in self.data.catalog:
            service = self._ensure(
                Service, Service.type == address.type, id=stable_id("service", address.type), type=address.type,
                name=address.name, description=None, enabled=True, extra={},
            )  # fmt: skip
            urls = {"public": address.public, "internal": address.internal, "admin": address.internal}
            for interface, url in urls.items():
                same = (Endpoint.service_id == service.id) & (Endpoint.region_id == region)
                endpoint = self._ensure(
                    Endpoint, same & (Endpoint.interface == interface),
                    id=stable_id("endpoint", region, address.type, interface), service_id=service.id,
                    region_id=region, interface=interface, url=url, enabled=True, extra={},
                )  # fmt: skip
                if endpoint.url != url:
                    endpoint.url = url
