"""How far a snapshot is, as somebody has said."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("progress", sa.String(length=255), nullable=True))
