"""Favourites, views, approvals, cards and lineage."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_REFUSAL = "lineage is append-only"
APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER lineage_no_{verb.lower()} BEFORE {verb} ON lineage "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for verb in ("UPDATE", "DELETE")
    ],
    "postgresql": [
        "CREATE FUNCTION lineage_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{_REFUSAL}'; END $$",
        "CREATE TRIGGER lineage_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON lineage "
        "FOR EACH STATEMENT EXECUTE FUNCTION lineage_is_append_only()",
    ],
}


def upgrade() -> None:
    """Make the tables of experiments, models and lineage."""
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column(
            "alias", sa.String(length=255), nullable=False, comment="what the version is to become"
        ),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("requested_by", sa.Text(), nullable=False),
        sa.Column("requested_at", sa.BigInteger(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("decision_comment", sa.Text(), nullable=True),
        sa.Column(
            "applied", sa.Boolean(), nullable=False, comment="whether the alias was set then"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_approvals_model_version"), ["model", "version"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_approvals_state"), ["state"], unique=False)

    op.create_table(
        "cards",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False, comment="of the card, from 1"),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column(
            "content",
            sa.JSON(none_as_null=True),
            nullable=False,
            comment="SageMaker's card schema 0.1.0",
        ),
        sa.Column(
            "sources",
            sa.JSON(none_as_null=True),
            nullable=False,
            comment="what each claim was taken from",
        ),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="of the content"),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("submitted_by", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.BigInteger(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=True, comment="of whoever decided"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint(
            "model", "model_version", "version", name=op.f("uq_cards_model_model_version_version")
        ),
    )
    op.create_table(
        "model_events",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column(
            "event", sa.String(length=64), nullable=False, comment="as MLflow's webhooks name it"
        ),
        sa.Column("model", sa.String(length=256), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("user", sa.Text(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_events")),
    )
    with op.batch_alter_table("model_events", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_model_events_model_id"), ["model", "id"], unique=False)

    op.create_table(
        "favourites",
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column(
            "topic", sa.String(length=32), nullable=False, comment="runs, experiments or models"
        ),
        sa.Column("object_id", sa.String(length=256), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("user", "topic", "object_id", name=op.f("pk_favourites")),
    )
    with op.batch_alter_table("favourites", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_favourites_topic_object_id"), ["topic", "object_id"], unique=False
        )

    op.create_table(
        "lineage",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("relation", sa.String(length=32), nullable=False),
        sa.Column("subject", sa.String(length=512), nullable=False, comment="as in run:ID"),
        sa.Column("object", sa.String(length=512), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False, comment="canonical JSON, as it was hashed"),
        sa.Column(
            "previous", sa.String(length=64), nullable=False, comment="hash of the entry before"
        ),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_lineage")),
    )
    with op.batch_alter_table("lineage", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_lineage_object_subject"), ["object", "subject"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_lineage_subject_relation"), ["subject", "relation"], unique=False
        )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)

    op.create_table(
        "views",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False, comment="runs, compare or models"),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("content", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_views")),
        sa.UniqueConstraint("user", "topic", "name", name=op.f("uq_views_user_topic_name")),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("views")
    with op.batch_alter_table("lineage", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_lineage_subject_relation"))
        batch_op.drop_index(batch_op.f("ix_lineage_object_subject"))

    op.drop_table("lineage")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION lineage_is_append_only()")
    with op.batch_alter_table("favourites", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_favourites_topic_object_id"))

    op.drop_table("favourites")
    with op.batch_alter_table("model_events", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_model_events_model_id"))

    op.drop_table("model_events")
    op.drop_table("cards")
    with op.batch_alter_table("approvals", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_approvals_state"))
        batch_op.drop_index(batch_op.f("ix_approvals_model_version"))

    op.drop_table("approvals")
