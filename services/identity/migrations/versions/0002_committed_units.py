"""The units of work that have been committed, each once; finished requests are remembered beside them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "committed_units",
        sa.Column("unit", sa.String(36), primary_key=True),
        sa.Column("committed_at", sa.Integer, nullable=False, index=True),
    )
    op.drop_table("finished_requests")
