"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None

OPTIONS: Any = {"mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_nopad_bin", "mysql_engine": "InnoDB"}
ID = sa.String(64)
NAME = sa.String(255)
MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql")
LONG_TEXT = sa.Text().with_variant(mysql.MEDIUMTEXT(), "mysql")


def generation() -> sa.Column[int]:
    return sa.Column("generation", sa.Integer, nullable=False)


def json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.JSON, nullable=False)


def cascading(column: str, target: str, name: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=name, ondelete="CASCADE")


def upgrade() -> None:
    create_domains_and_projects()
    create_users_and_groups()
    create_roles_and_assignments()
    create_catalog()
    create_application_credentials()
    create_tokens()


def create_domains_and_projects() -> None:
    op.create_table(
        "domains",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("description", LONG_TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        json("tags"), json("options"), json("extra"),
        generation(),
        sa.UniqueConstraint("name", name="uq_domains_name"),
        **OPTIONS,
    )  # fmt: skip
    op.create_table(
        "projects",
        sa.Column("id", ID, primary_key=True),
        sa.Column("domain_id", ID, nullable=False),
        sa.Column("parent_id", ID),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("description", LONG_TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        json("tags"), json("options"), json("extra"),
        generation(),
        cascading("domain_id", "domains.id", "fk_projects_domain"),
        sa.ForeignKeyConstraint(["parent_id"], ["projects.id"], name="fk_projects_parent"),
        sa.UniqueConstraint("domain_id", "name", name="uq_projects_name"),
        **OPTIONS,
    )  # fmt: skip
    op.create_table(
        "project_ancestors",
        sa.Column("project_id", ID, primary_key=True),
        sa.Column("ancestor_id", ID, primary_key=True),
        cascading("project_id", "projects.id", "fk_ancestors_project"),
        **OPTIONS,
    )


def create_users_and_groups() -> None:
    op.create_table(
        "users",
        sa.Column("id", ID, primary_key=True),
        sa.Column("domain_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("default_project_id", ID),
        sa.Column("token_epoch", sa.Integer, nullable=False),
        json("options"), json("extra"),
        generation(),
        cascading("domain_id", "domains.id", "fk_users_domain"),
        sa.UniqueConstraint("domain_id", "name", name="uq_users_name"),
        **OPTIONS,
    )  # fmt: skip
    op.create_table(
        "passwords",
        sa.Column("user_id", ID, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("hash", NAME, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        cascading("user_id", "users.id", "fk_passwords_user"),
        **OPTIONS,
    )
    op.create_table(
        "login_failures",
        sa.Column("user_id", ID, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last_at", MOMENT, nullable=False),
        cascading("user_id", "users.id", "fk_failures_user"),
        **OPTIONS,
    )
    op.create_table(
        "user_groups",
        sa.Column("id", ID, primary_key=True),
        sa.Column("domain_id", ID, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("description", LONG_TEXT, nullable=False),
        json("extra"),
        generation(),
        cascading("domain_id", "domains.id", "fk_groups_domain"),
        sa.UniqueConstraint("domain_id", "name", name="uq_groups_name"),
        **OPTIONS,
    )
    op.create_table(
        "memberships",
        sa.Column("user_id", ID, primary_key=True),
        sa.Column("group_id", ID, primary_key=True, index=True),
        cascading("user_id", "users.id", "fk_memberships_user"),
        cascading("group_id", "user_groups.id", "fk_memberships_group"),
        **OPTIONS,
    )


def create_roles_and_assignments() -> None:
    op.create_table(
        "roles",
        sa.Column("id", ID, primary_key=True),
        sa.Column("domain_id", ID, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", LONG_TEXT),
        json("options"), json("extra"),
        generation(),
        sa.UniqueConstraint("domain_id", "name", name="uq_roles_name"),
        **OPTIONS,
    )  # fmt: skip
    op.create_table(
        "implied_roles",
        sa.Column("prior_id", ID, primary_key=True),
        sa.Column("implied_id", ID, primary_key=True, index=True),
        cascading("prior_id", "roles.id", "fk_implied_prior"),
        cascading("implied_id", "roles.id", "fk_implied_implied"),
        **OPTIONS,
    )
    op.create_table(
        "assignments",
        sa.Column("actor_id", ID, primary_key=True),
        sa.Column("target_id", ID, primary_key=True),
        sa.Column("role_id", ID, primary_key=True, index=True),
        sa.Column("inherited", sa.Boolean, primary_key=True),
        sa.Column("actor_type", sa.String(8), nullable=False),
        sa.Column("target_type", sa.String(8), nullable=False),
        cascading("role_id", "roles.id", "fk_assignments_role"),
        sa.Index("ix_assignments_target", "target_id"),
        **OPTIONS,
    )


def create_catalog() -> None:
    op.create_table(
        "regions",
        sa.Column("id", NAME, primary_key=True),
        sa.Column("parent_region_id", NAME),
        sa.Column("description", LONG_TEXT, nullable=False),
        json("extra"),
        generation(),
        sa.ForeignKeyConstraint(["parent_region_id"], ["regions.id"], name="fk_regions_parent"),
        **OPTIONS,
    )
    op.create_table(
        "services",
        sa.Column("id", ID, primary_key=True),
        sa.Column("type", NAME, nullable=False),
        sa.Column("name", NAME),
        sa.Column("description", LONG_TEXT),
        sa.Column("enabled", sa.Boolean, nullable=False),
        json("extra"),
        generation(),
        **OPTIONS,
    )
    op.create_table(
        "endpoints",
        sa.Column("id", ID, primary_key=True),
        sa.Column("service_id", ID, nullable=False, index=True),
        sa.Column("region_id", NAME, index=True),
        sa.Column("interface", sa.String(8), nullable=False),
        sa.Column("url", LONG_TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        json("extra"),
        generation(),
        cascading("service_id", "services.id", "fk_endpoints_service"),
        sa.ForeignKeyConstraint(["region_id"], ["regions.id"], name="fk_endpoints_region"),
        **OPTIONS,
    )


def create_application_credentials() -> None:
    op.create_table(
        "application_credentials",
        sa.Column("id", ID, primary_key=True),
        sa.Column("user_id", ID, nullable=False),
        sa.Column("project_id", ID, nullable=False, index=True),
        sa.Column("name", NAME, nullable=False),
        sa.Column("description", LONG_TEXT),
        sa.Column("secret_hash", NAME, nullable=False),
        sa.Column("unrestricted", sa.Boolean, nullable=False),
        sa.Column("expires_at", MOMENT),
        cascading("user_id", "users.id", "fk_appcred_user"),
        cascading("project_id", "projects.id", "fk_appcred_project"),
        sa.UniqueConstraint("user_id", "name", name="uq_application_credentials_name"),
        **OPTIONS,
    )
    op.create_table(
        "application_credential_roles",
        sa.Column("application_credential_id", ID, primary_key=True),
        sa.Column("role_id", ID, primary_key=True, index=True),
        cascading("application_credential_id", "application_credentials.id", "fk_appcredrole_appcred"),
        cascading("role_id", "roles.id", "fk_appcredrole_role"),
        **OPTIONS,
    )


def create_tokens() -> None:
    op.create_table(
        "token_keys",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("secret", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("promoted_at", MOMENT),
        **OPTIONS,
    )
    op.create_table(
        "revoked_tokens",
        sa.Column("audit_id", sa.String(32), primary_key=True),
        sa.Column("expires_at", MOMENT, nullable=False, index=True),
        **OPTIONS,
    )
    op.create_table(
        "finished_requests",
        sa.Column("request_key", sa.String(36), primary_key=True),
        sa.Column("finished_at", MOMENT, nullable=False, index=True),
        **OPTIONS,
    )
