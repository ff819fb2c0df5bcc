"""Files of moved hours, and what the retention has deleted."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, String

revision = "0002"
down_revision: str | None = "0001"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    """Make them."""
    op.create_table(
        "history",
        Column("file", String, primary_key=True),
        Column("state", String, nullable=False),
        Column("format", Integer, nullable=False),
        Column("rows", BigInteger, nullable=False),
        Column("first_ns", BigInteger, nullable=False),
        Column("last_ns", BigInteger, nullable=False),
        Column("size_bytes", BigInteger, nullable=False),
        Column("crc32", BigInteger, nullable=False),
    )
    op.create_table(
        "expired",
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("rows", BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("expired", "history"):
        op.drop_table(table)
