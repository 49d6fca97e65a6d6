"""Computes, leases, kernels and usage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of computes, and note where attempts ran."""
    op.create_table(
        "computes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "source",
            sa.Text(),
            nullable=True,
            comment="the compute.toml that names it; none: built in",
        ),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("cpus", sa.Float(), nullable=True, comment="as last seen"),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("gpus", sa.Integer(), nullable=True),
        sa.Column(
            "resources", sa.JSON(none_as_null=True), nullable=True, comment="as last looked at"
        ),
        sa.Column(
            "problem", sa.Text(), nullable=True, comment="why it was not reached when last tried"
        ),
        sa.Column("seen_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_computes")),
    )
    op.create_table(
        "kernels",
        sa.Column("id", sa.String(length=64), nullable=False, comment="as Jupyter knows it"),
        sa.Column("compute", sa.Text(), nullable=False),
        sa.Column(
            "offer", sa.Text(), nullable=False, comment="the kernelspec's name on the compute"
        ),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=True, comment="the notebook's file"),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("need", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("active_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kernels")),
    )
    with op.batch_alter_table("kernels", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kernels_state"), ["state"], unique=False)

    op.create_table(
        "leases",
        sa.Column("holder", sa.String(length=8), nullable=False, comment="job or kernel"),
        sa.Column("holder_id", sa.String(length=64), nullable=False),
        sa.Column("compute", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("cpus", sa.Float(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "gpus", sa.JSON(none_as_null=True), nullable=False, comment="numbers of the GPUs held"
        ),
        sa.Column(
            "worker",
            sa.Text(),
            nullable=True,
            comment="whose machine `local` is here; none: a shared compute",
        ),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("holder", "holder_id", name=op.f("pk_leases")),
    )
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_leases_compute"), ["compute"], unique=False)

    op.create_table(
        "usage",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("holder", sa.String(length=8), nullable=False, comment="job or kernel"),
        sa.Column("holder_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("compute", sa.Text(), nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=True),
        sa.Column("experiment", sa.Text(), nullable=True),
        sa.Column("cpus", sa.Float(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("gpus", sa.Integer(), nullable=False),
        sa.Column(
            "share", sa.Float(), nullable=False, comment="of the compute that was held, 0 to 1"
        ),
        sa.Column("price_per_hour", sa.Float(), nullable=False),
        sa.Column("on_demand_price_per_hour", sa.Float(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column(
            "lost_s",
            sa.Float(),
            nullable=True,
            comment="work that a preemption cost, done again later",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage")),
        sa.UniqueConstraint(
            "holder", "holder_id", "attempt", name=op.f("uq_usage_holder_holder_id_attempt")
        ),
    )
    with op.batch_alter_table("usage", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_usage_compute_started_at"), ["compute", "started_at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_usage_started_at"), ["started_at"], unique=False)

    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("compute", sa.Text(), nullable=True))

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "preemptions",
                sa.Integer(),
                server_default="0",
                nullable=False,
                comment="attempts that ended because their compute was taken away; no retries",
            )
        )


def downgrade() -> None:
    """Drop them."""
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("preemptions")

    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_column("compute")

    with op.batch_alter_table("usage", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_usage_started_at"))
        batch_op.drop_index(batch_op.f("ix_usage_compute_started_at"))

    op.drop_table("usage")
    with op.batch_alter_table("leases", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_leases_compute"))

    op.drop_table("leases")
    with op.batch_alter_table("kernels", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kernels_state"))

    op.drop_table("kernels")
    op.drop_table("computes")
