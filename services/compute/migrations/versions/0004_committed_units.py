"""The units of work that have been committed, each once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "committed_units",
        sa.Column("unit", sa.String(36), primary_key=True),
        sa.Column("committed_at", sa.Integer, nullable=False, index=True),
    )
