"""MLflow's own tables, as far as they are read here.

MLflow's models of them would take seconds to import, and bring rows as objects.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


def _table(name: str, /, **columns: type[sa.types.TypeEngine[Any]]) -> sa.TableClause:
    return sa.table(name, *(sa.column(key, kind) for key, kind in columns.items()))


experiments = _table(
    "experiments",
    experiment_id=sa.Integer,
    name=sa.String,
    artifact_location=sa.String,
    lifecycle_stage=sa.String,
    creation_time=sa.BigInteger,
    last_update_time=sa.BigInteger,
)
experiment_tags = _table(
    "experiment_tags", experiment_id=sa.Integer, key=sa.String, value=sa.String
)
runs = _table(
    "runs",
    run_uuid=sa.String,
    name=sa.String,
    experiment_id=sa.Integer,
    user_id=sa.String,
    status=sa.String,
    start_time=sa.BigInteger,
    end_time=sa.BigInteger,
    lifecycle_stage=sa.String,
    artifact_uri=sa.String,
)
params = _table("params", run_uuid=sa.String, key=sa.String, value=sa.String)
tags = _table("tags", run_uuid=sa.String, key=sa.String, value=sa.String)
latest_metrics = _table(
    "latest_metrics",
    run_uuid=sa.String,
    key=sa.String,
    value=sa.Float,
    is_nan=sa.Boolean,
    step=sa.BigInteger,
    timestamp=sa.BigInteger,
)
metrics = _table(
    "metrics",
    run_uuid=sa.String,
    key=sa.String,
    value=sa.Float,
    is_nan=sa.Boolean,
    step=sa.BigInteger,
    timestamp=sa.BigInteger,
)
datasets = _table(
    "datasets",
    dataset_uuid=sa.String,
    experiment_id=sa.Integer,
    name=sa.String,
    digest=sa.String,
)
inputs = _table(
    "inputs",
    input_uuid=sa.String,
    source_type=sa.String,
    source_id=sa.String,
    destination_type=sa.String,
    destination_id=sa.String,
)
input_tags = _table("input_tags", input_uuid=sa.String, name=sa.String, value=sa.String)

# Where a kind of MLflow's filter language is kept.
BY_KIND = {"metric": latest_metrics, "parameter": params, "tag": tags}

# Attributes that MLflow names otherwise than its columns.
ATTRIBUTES = {
    "run_id": runs.c.run_uuid,
    "run_name": runs.c.name,
    "status": runs.c.status,
    "user_id": runs.c.user_id,
    "artifact_uri": runs.c.artifact_uri,
    "start_time": runs.c.start_time,
    "end_time": runs.c.end_time,
}
