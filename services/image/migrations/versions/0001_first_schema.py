"""The first schema: images, their tags and members, uploads under way, tombstones."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
ID = sa.String(36).with_variant(mysql.VARCHAR(36, collation="utf8mb4_nopad_bin"), "mysql", "mariadb")
EXACT = sa.String(255).with_variant(mysql.VARCHAR(255, collation="utf8mb4_nopad_bin"), "mysql", "mariadb")


def _of_image() -> sa.Column[str]:
    return sa.Column("image_id", ID, sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True)


def upgrade() -> None:
    op.create_table(
        "images",
        sa.Column("id", ID, primary_key=True),
        sa.Column("name", EXACT),
        sa.Column("owner", EXACT, index=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("visibility", sa.String(16), nullable=False),
        sa.Column("protected", sa.Boolean, nullable=False),
        sa.Column("os_hidden", sa.Boolean, nullable=False),
        sa.Column("disk_format", sa.String(16)),
        sa.Column("container_format", sa.String(16)),
        sa.Column("min_disk", sa.Integer, nullable=False),
        sa.Column("min_ram", sa.Integer, nullable=False),
        sa.Column("size", sa.BigInteger),
        sa.Column("virtual_size", sa.BigInteger),
        sa.Column("checksum", sa.String(32)),
        sa.Column("os_hash_algo", sa.String(16)),
        sa.Column("os_hash_value", sa.String(128)),
        sa.Column("properties", sa.JSON, nullable=False),
        sa.Column("location", sa.String(80)),
        sa.Column("staged", sa.String(80)),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("request_key", sa.String(36), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Index("ix_images_created", "created_at", "id"),
    )
    op.create_table("image_tags", _of_image(), sa.Column("value", EXACT, primary_key=True, index=True))
    op.create_table(
        "image_members",
        _of_image(),
        sa.Column("project_id", EXACT, primary_key=True, index=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("request_key", sa.String(36), nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
    )
    op.create_table(
        "image_uploads",
        _of_image(),
        sa.Column("blob", sa.String(80), nullable=False, unique=True),
        sa.Column("expires_at", MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "image_tombstones",
        sa.Column("image_id", ID, primary_key=True),
        sa.Column("request_key", sa.String(36), nullable=False),
        sa.Column("deleted_at", MOMENT, nullable=False, index=True),
    )


def downgrade() -> None:
    for table in ("image_tombstones", "image_uploads", "image_members", "image_tags", "images"):
        op.drop_table(table)
