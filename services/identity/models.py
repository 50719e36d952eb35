"""Identity's tables. Ids are text: 32 hexadecimal digits, or words such as `default` and `region-one`.

An assignment names its actor and target by id alone (both may be of several kinds), so who deletes one of those
deletes its assignments too; everything else hangs on foreign keys that cascade.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, DateTime, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.platform.database import Versioned
from services.platform.units import COMMITTED

#: Names differ when their bytes differ, on MariaDB as on SQLite.
MYSQL_OPTIONS = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_nopad_bin", "mysql_engine": "InnoDB"}

ID = String(64)
MOMENT = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
LONG_TEXT = Text().with_variant(mysql.MEDIUMTEXT(), "mysql")

#: The one target of assignments on the system.
SYSTEM = "system"


class Base(DeclarativeBase):
    """All tables of the service."""

    __table_args__: Any = MYSQL_OPTIONS
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON, datetime: MOMENT}


COMMITTED.to_metadata(Base.metadata)


class Domain(Versioned, Base):
    __tablename__ = "domains"
    __table_args__ = (UniqueConstraint("name", name="uq_domains_name"), MYSQL_OPTIONS)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(LONG_TEXT)
    enabled: Mapped[bool]
    tags: Mapped[list[Any]]
    options: Mapped[dict[str, Any]]
    extra: Mapped[dict[str, Any]]


class Project(Versioned, Base):
    __tablename__ = "projects"
    __table_args__ = (UniqueConstraint("domain_id", "name", name="uq_projects_name"), MYSQL_OPTIONS)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    domain_id: Mapped[str] = mapped_column(ForeignKey("domains.id", ondelete="CASCADE", name="fk_projects_domain"))
    #: Another project; None directly below the domain.
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("projects.id", name="fk_projects_parent"))
    name: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(LONG_TEXT)
    enabled: Mapped[bool]
    tags: Mapped[list[Any]]
    options: Mapped[dict[str, Any]]
    extra: Mapped[dict[str, Any]]


class Ancestor(Base):
    """Every project above a project, and its domain: whence roles are inherited. Parents never change."""

    __tablename__ = "project_ancestors"

    project_id: Mapped[str] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE", name="fk_ancestors_project"), primary_key=True
    )
    ancestor_id: Mapped[str] = mapped_column(ID, primary_key=True)


class User(Versioned, Base):
    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("domain_id", "name", name="uq_users_name"), MYSQL_OPTIONS)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    domain_id: Mapped[str] = mapped_column(ForeignKey("domains.id", ondelete="CASCADE", name="fk_users_domain"))
    name: Mapped[str] = mapped_column(String(255))
    enabled: Mapped[bool]
    default_project_id: Mapped[str | None] = mapped_column(ID)
    #: Grows when all of the user's tokens end at once; a token carries the epoch it was issued in.
    token_epoch: Mapped[int]
    options: Mapped[dict[str, Any]]
    extra: Mapped[dict[str, Any]]


class Password(Base):
    """One row per password that a user has had; the one with the highest number is in use."""

    __tablename__ = "passwords"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE", name="fk_passwords_user"), primary_key=True
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime]


class LoginFailures(Base):
    """How often in a row a user has failed to log in; no row where the last attempt succeeded."""

    __tablename__ = "login_failures"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE", name="fk_failures_user"), primary_key=True
    )
    count: Mapped[int]
    last_at: Mapped[datetime]


class Group(Versioned, Base):
    __tablename__ = "user_groups"
    __table_args__ = (UniqueConstraint("domain_id", "name", name="uq_groups_name"), MYSQL_OPTIONS)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    domain_id: Mapped[str] = mapped_column(ForeignKey("domains.id", ondelete="CASCADE", name="fk_groups_domain"))
    name: Mapped[str] = mapped_column(String(64))
    description: Mapped[str] = mapped_column(LONG_TEXT)
    extra: Mapped[dict[str, Any]]


class Membership(Base):
    __tablename__ = "memberships"

    user_id: Mapped[str] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE", name="fk_memberships_user"), primary_key=True
    )
    group_id: Mapped[str] = mapped_column(
        ForeignKey("user_groups.id", ondelete="CASCADE", name="fk_memberships_group"), primary_key=True, index=True
    )


class Role(Versioned, Base):
    __tablename__ = "roles"
    __table_args__ = (UniqueConstraint("domain_id", "name", name="uq_roles_name"), MYSQL_OPTIONS)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    #: Empty for the roles of all domains, so that the unique constraint covers them.
    domain_id: Mapped[str] = mapped_column(ID)
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(LONG_TEXT)
    options: Mapped[dict[str, Any]]
    extra: Mapped[dict[str, Any]]


class ImpliedRole(Base):
    """Who has the role `prior_id` has the role `implied_id` too."""

    __tablename__ = "implied_roles"

    prior_id: Mapped[str] = mapped_column(
        ForeignKey("roles.id", ondelete="CASCADE", name="fk_implied_prior"), primary_key=True
    )
    implied_id: Mapped[str] = mapped_column(
        ForeignKey("roles.id", ondelete="CASCADE", name="fk_implied_implied"), primary_key=True, index=True
    )


class Assignment(Base):
    """A user or group has a role on a project, a domain or the system; `inherited`: on all projects below it."""

    __tablename__ = "assignments"
    __table_args__ = (Index("ix_assignments_target", "target_id"), MYSQL_OPTIONS)

    actor_id: Mapped[str] = mapped_column(ID, primary_key=True)
    target_id: Mapped[str] = mapped_column(ID, primary_key=True)
    role_id: Mapped[str] = mapped_column(
        ForeignKey("roles.id", ondelete="CASCADE", name="fk_assignments_role"), primary_key=True, index=True
    )
    inherited: Mapped[bool] = mapped_column(primary_key=True)
    #: `user` or `group`.
    actor_type: Mapped[str] = mapped_column(String(8))
    #: `project`, `domain` or `system`.
    target_type: Mapped[str] = mapped_column(String(8))


class Region(Versioned, Base):
    __tablename__ = "regions"

    id: Mapped[str] = mapped_column(String(255), primary_key=True)
    parent_region_id: Mapped[str | None] = mapped_column(ForeignKey("regions.id", name="fk_regions_parent"))
    description: Mapped[str] = mapped_column(LONG_TEXT)
    extra: Mapped[dict[str, Any]]


class Service(Versioned, Base):
    __tablename__ = "services"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    type: Mapped[str] = mapped_column(String(255))
    name: Mapped[str | None] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(LONG_TEXT)
    enabled: Mapped[bool]
    extra: Mapped[dict[str, Any]]


class Endpoint(Versioned, Base):
    __tablename__ = "endpoints"

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    service_id: Mapped[str] = mapped_column(
        ForeignKey("services.id", ondelete="CASCADE", name="fk_endpoints_service"), index=True
    )
    region_id: Mapped[str | None] = mapped_column(ForeignKey("regions.id", name="fk_endpoints_region"), index=True)
    #: `public`, `internal` or `admin`.
    interface: Mapped[str] = mapped_column(String(8))
    url: Mapped[str] = mapped_column(LONG_TEXT)
    enabled: Mapped[bool]
    extra: Mapped[dict[str, Any]]


class ApplicationCredential(Base):
    __tablename__ = "application_credentials"
    __table_args__ = (UniqueConstraint("user_id", "name", name="uq_application_credentials_name"), MYSQL_OPTIONS)

    id: Mapped[str] = mapped_column(ID, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE", name="fk_appcred_user"))
    project_id: Mapped[str] = mapped_column(
        ForeignKey("projects.id", ondelete="CASCADE", name="fk_appcred_project"), index=True
    )
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(LONG_TEXT)
    secret_hash: Mapped[str] = mapped_column(String(255))
    #: May it manage application credentials itself?
    unrestricted: Mapped[bool]
    expires_at: Mapped[datetime | None]


class ApplicationCredentialRole(Base):
    __tablename__ = "application_credential_roles"

    application_credential_id: Mapped[str] = mapped_column(
        ForeignKey("application_credentials.id", ondelete="CASCADE", name="fk_appcredrole_appcred"), primary_key=True
    )
    role_id: Mapped[str] = mapped_column(
        ForeignKey("roles.id", ondelete="CASCADE", name="fk_appcredrole_role"), primary_key=True, index=True
    )


class TokenKey(Base):
    """A key that tokens are encrypted with: staged, then primary, then good for decryption only."""

    __tablename__ = "token_keys"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    secret: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    #: When it became the primary key; None while it is staged.
    promoted_at: Mapped[datetime | None]


class RevokedToken(Base):
    """A token that was deleted before its time. Rows go when the token would have expired anyway."""

    __tablename__ = "revoked_tokens"

    audit_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
