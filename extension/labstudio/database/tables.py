"""The studio's own tables. The durable queue's stand beside them in the same database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class UtcTime(sa.types.TypeDecorator[datetime]):
    """A moment, kept as microseconds since the epoch: it sorts, and no zone is lost on SQLite."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        """Turn a time with a zone into microseconds."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone cannot be stored.")
        delta = value.astimezone(UTC) - _EPOCH
        return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        """Turn microseconds into a UTC time."""
        if value is None:
            return None
        seconds, microseconds = divmod(value, 1_000_000)
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=microseconds)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# An absent value is NULL, not the JSON text "null".
Json = sa.JSON(none_as_null=True)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("compute", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("path", sa.Text),
    sa.Column("spec", Json, nullable=False),
    sa.Column("parameters", Json, nullable=False),
    sa.Column("tags", Json, nullable=False),
    sa.Column("snapshot", Json, nullable=False),
    sa.Column("provenance", Json),
    sa.Column("assigns", Json, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column(
        "dispatched",
        sa.Integer,
        nullable=False,
        comment="number of the newest attempt handed to the durable queue",
    ),
    sa.Column("attempts_allowed", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", UtcTime),
    sa.Column("run_id", sa.String(64)),
    sa.Column("experiment_id", sa.String(64)),
    sa.Column("run_state", sa.String(16), nullable=False, comment="none, open, or closed"),
    sa.Column("error", Json),
    sa.Column("progress", Json),
    sa.Column("schedule_id", sa.String(26)),
    sa.Column("sweep_id", sa.String(26)),
    sa.Column("rerun_of", sa.String(26)),
    sa.Column("stop_requested", sa.Boolean, nullable=False),
    sa.Column(
        "preemptions",
        sa.Integer,
        nullable=False,
        server_default="0",
        comment="attempts that ended because their compute was taken away; no retries",
    ),
    sa.Column("idempotency_key", sa.Text),
    sa.Column("retain_until", UtcTime),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.UniqueConstraint("user", "idempotency_key"),
    sa.Index(None, "state", "id"),
    sa.Index(None, "schedule_id", "id"),
    sa.Index(None, "sweep_id"),
    sa.Index(None, "run_state"),
)

attempts = sa.Table(
    "attempts",
    metadata,
    sa.Column("job_id", sa.String(26), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("worker", sa.Text, index=True),
    sa.Column("started_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("exit_code", sa.Integer),
    sa.Column("error", Json),
    sa.Column("cause", sa.Text),
    sa.Column("compute", sa.Text),
    sa.Column("notice_at", UtcTime, comment="when it was told that its compute is taken away"),
)

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("spec", Json, nullable=False),
    sa.Column("root", sa.Text),
    sa.Column("cron", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("missed", sa.String(16), nullable=False),
    sa.Column("overlap", sa.String(16), nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("last_due_at", UtcTime),
    sa.Column("last_job_id", sa.String(26)),
    sa.Column("revision", sa.Integer, nullable=False),
)

fires = sa.Table(
    "fires",
    metadata,
    sa.Column("schedule_id", sa.String(26), primary_key=True),
    sa.Column("due_at", UtcTime, primary_key=True),
    sa.Column("manual", sa.Boolean, primary_key=True),
    sa.Column("fired_at", UtcTime, nullable=False),
    sa.Column("outcome", sa.String(24), nullable=False),
    sa.Column("job_id", sa.String(26)),
    sa.Column("reason", sa.Text),
)

workers = sa.Table(
    "workers",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("heartbeat_at", UtcTime, nullable=False),
)

computes = sa.Table(
    "computes",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, comment="the compute.toml that names it; none: built in"),
    sa.Column("draining", sa.Boolean, nullable=False),
    sa.Column(
        "clearing",
        sa.Boolean,
        nullable=False,
        server_default=sa.false(),
        comment="whether attempts there are told that it is taken away; only while it drains",
    ),
    sa.Column("cpus", sa.Float, comment="as last seen"),
    sa.Column("memory_bytes", sa.BigInteger),
    sa.Column("gpus", sa.Integer),
    sa.Column("resources", Json, comment="as last looked at"),
    sa.Column("problem", sa.Text, comment="why it was not reached when last tried"),
    sa.Column("seen_at", UtcTime),
)

leases = sa.Table(
    "leases",
    metadata,
    sa.Column("holder", sa.String(8), primary_key=True, comment="job or kernel"),
    sa.Column("holder_id", sa.String(64), primary_key=True),
    sa.Column("compute", sa.Text, nullable=False, index=True),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("cpus", sa.Float, nullable=False),
    sa.Column("memory_bytes", sa.BigInteger, nullable=False),
    sa.Column("gpus", Json, nullable=False, comment="numbers of the GPUs held"),
    sa.Column("worker", sa.Text, comment="whose machine `local` is here; none: a shared compute"),
    sa.Column("since", UtcTime, nullable=False),
)

kernels = sa.Table(
    "kernels",
    metadata,
    sa.Column("id", sa.String(64), primary_key=True, comment="as Jupyter knows it"),
    sa.Column("compute", sa.Text, nullable=False),
    sa.Column("offer", sa.Text, nullable=False, comment="the kernelspec's name on the compute"),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("path", sa.Text, comment="the notebook's file"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("message", sa.Text),
    sa.Column("need", Json, nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("active_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Index(None, "state"),
)

usage = sa.Table(
    "usage",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("holder", sa.String(8), nullable=False, comment="job or kernel"),
    sa.Column("holder_id", sa.String(64), nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("compute", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("workspace", sa.Text),
    sa.Column("experiment", sa.Text),
    sa.Column("cpus", sa.Float, nullable=False),
    sa.Column("memory_bytes", sa.BigInteger, nullable=False),
    sa.Column("gpus", sa.Integer, nullable=False),
    sa.Column("share", sa.Float, nullable=False, comment="of the compute that was held, 0 to 1"),
    sa.Column("price_per_hour", sa.Float, nullable=False),
    sa.Column("on_demand_price_per_hour", sa.Float),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
    sa.Column("outcome", sa.String(16)),
    sa.Column("lost_s", sa.Float, comment="work that a preemption cost, done again later"),
    sa.UniqueConstraint("holder", "holder_id", "attempt"),
    sa.Index(None, "compute", "started_at"),
    sa.Index(None, "started_at"),
)

favourites = sa.Table(
    "favourites",
    metadata,
    sa.Column("user", sa.Text, primary_key=True),
    sa.Column("topic", sa.String(32), primary_key=True, comment="runs, experiments or models"),
    sa.Column("object_id", sa.String(256), primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Index(None, "topic", "object_id"),
)

views = sa.Table(
    "views",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("topic", sa.String(32), nullable=False, comment="runs, compare or models"),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("shared", sa.Boolean, nullable=False),
    sa.Column("content", Json, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.UniqueConstraint("user", "topic", "name"),
)

approvals = sa.Table(
    "approvals",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("model", sa.String(256), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("alias", sa.String(255), nullable=False, comment="what the version is to become"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("requested_at", UtcTime, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", UtcTime),
    sa.Column("decision_comment", sa.Text),
    sa.Column("applied", sa.Boolean, nullable=False, comment="whether the alias was set then"),
    sa.Index(None, "model", "version"),
    sa.Index(None, "state"),
)

model_events = sa.Table(
    "model_events",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("event", sa.String(64), nullable=False, comment="as MLflow's webhooks name it"),
    sa.Column("model", sa.String(256), nullable=False),
    sa.Column("version", sa.Integer),
    sa.Column("user", sa.Text),
    sa.Column("message", sa.Text, nullable=False),
    sa.Index(None, "model", "id"),
)

cards = sa.Table(
    "cards",
    metadata,
    sa.Column("id", sa.String(26), primary_key=True),
    sa.Column("model", sa.String(256), nullable=False),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("version", sa.Integer, nullable=False, comment="of the card, from 1"),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("content", Json, nullable=False, comment="SageMaker's card schema 0.1.0"),
    sa.Column("sources", Json, nullable=False, comment="what each claim was taken from"),
    sa.Column("sha256", sa.String(64), nullable=False, comment="of the content"),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("updated_at", UtcTime, nullable=False),
    sa.Column("submitted_by", sa.Text),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", UtcTime),
    sa.Column("comment", sa.Text, comment="of whoever decided"),
    sa.UniqueConstraint("model", "model_version", "version"),
)

# Append-only: triggers of its migration refuse to change or delete an entry.
lineage = sa.Table(
    "lineage",
    metadata,
    # Without gaps: the chain is checked by it, so it is not the database's to give.
    sa.Column("sequence", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", UtcTime, nullable=False),
    sa.Column("relation", sa.String(32), nullable=False),
    sa.Column("subject", sa.String(512), nullable=False, comment="as in run:ID"),
    sa.Column("object", sa.String(512), nullable=False),
    sa.Column("facts", sa.Text, nullable=False, comment="canonical JSON, as it was hashed"),
    sa.Column("previous", sa.String(64), nullable=False, comment="hash of the entry before"),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Index(None, "subject", "relation"),
    sa.Index(None, "object", "subject"),
)

changes = sa.Table(
    "changes",
    metadata,
    # AUTOINCREMENT: a revision is never used again, even when old changes were swept away.
    sa.Column(
        "revision",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("topic", sa.String(32), nullable=False),
    sa.Column("object_id", sa.Text, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("at", UtcTime, nullable=False),
    sqlite_autoincrement=True,
)
