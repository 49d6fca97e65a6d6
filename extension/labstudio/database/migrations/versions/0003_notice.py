"""Notice that a compute is taken away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let computes be cleared, and attempts be told so."""
    with op.batch_alter_table("computes", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "clearing",
                sa.Boolean(),
                server_default=sa.false(),
                nullable=False,
                comment="whether attempts there are told that it is taken away; "
                "only while it drains",
            )
        )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "notice_at",
                sa.BigInteger(),
                nullable=True,
                comment="when it was told that its compute is taken away",
            )
        )


def downgrade() -> None:
    """Forget both."""
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_column("notice_at")
    with op.batch_alter_table("computes", schema=None) as batch_op:
        batch_op.drop_column("clearing")
