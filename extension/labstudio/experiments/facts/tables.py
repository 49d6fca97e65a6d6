"""More of MLflow's own tables, as far as they are read here."""

from __future__ import annotations

import sqlalchemy as sa

datasets = sa.table(
    "datasets",
    *map(
        sa.column,
        (
            "dataset_uuid",
            "name",
            "digest",
            "dataset_source_type",
            "dataset_source",
            "dataset_schema",
            "dataset_profile",
        ),
    ),
)
inputs = sa.table(
    "inputs",
    *map(
        sa.column,
        ("input_uuid", "source_type", "source_id", "destination_type", "destination_id"),
    ),
)
input_tags = sa.table("input_tags", *map(sa.column, ("input_uuid", "name", "value")))
logged_models = sa.table(
    "logged_models",
    *map(
        sa.column,
        ("model_id", "name", "artifact_location", "source_run_id", "lifecycle_stage"),
    ),
    sa.column("creation_timestamp_ms", sa.BigInteger),
)
model_versions = sa.table(
    "model_versions",
    *map(sa.column, ("name", "run_id", "source", "current_stage", "storage_location")),
    sa.column("version", sa.Integer),
)
