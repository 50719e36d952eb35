"""The request that changed an image last stands in the image's row, for its members too."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("changed_by", sa.String(36)))
    with op.batch_alter_table("image_members") as members:
        members.drop_column("request_key")


def downgrade() -> None:
    with op.batch_alter_table("image_members") as members:
        members.add_column(sa.Column("request_key", sa.String(36), nullable=False, server_default=""))
    with op.batch_alter_table("images") as images:
        images.drop_column("changed_by")
