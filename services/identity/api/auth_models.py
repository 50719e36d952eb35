"""The body of `POST /v3/auth/tokens`."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.identity.people import Named


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class DomainRef(_Part):
    id: str | None = None
    name: str | None = None

    def named(self) -> Named:
        return Named(id=self.id, name=self.name)


class PlaceRef(_Part):
    """A user or project: by id, or by name and domain."""

    id: str | None = None
    name: str | None = None
    domain: DomainRef | None = None

    def named(self) -> Named:
        domain = self.domain or DomainRef()
        return Named(id=self.id, name=self.name, domain_id=domain.id, domain_name=domain.name)


class PasswordUser(PlaceRef):
    password: str


class PasswordMethod(_Part):
    user: PasswordUser


class TokenMethod(_Part):
    id: str


class CredentialMethod(_Part):
    id: str | None = None
    name: str | None = None
    user: PlaceRef | None = None
    secret: str


class IdentityPart(_Part):
    methods: list[str]
    password: PasswordMethod | None = None
    token: TokenMethod | None = None
    application_credential: CredentialMethod | None = None


class SystemRef(_Part):
    all: bool


class ScopePart(_Part):
    project: PlaceRef | None = None
    domain: DomainRef | None = None
    system: SystemRef | None = None
    unscoped: dict[str, Any] | None = None
    trust: dict[str, Any] | None = Field(default=None, alias="OS-TRUST:trust")


class AuthPart(_Part):
    identity: IdentityPart
    scope: ScopePart | Literal["unscoped"] | None = None


class AuthBody(_Part):
    auth: AuthPart
