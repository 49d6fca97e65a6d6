"""Runs as the table shows them, read for a handful of ids."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.experiments.models import Run
from labstudio.experiments.search.matching import among
from labstudio.experiments.search.names import (
    ARCHIVED_TAG,
    JOB_TAG,
    NAME_TAG,
    NOTE_TAG,
    NOTEBOOK_TAG,
    PARENT_TAG,
    SOURCE_TAG,
    USER_TAG,
    WORKSPACE_TAG,
    wanted_keys,
)
from labstudio.experiments.search.tables import (
    experiments,
    latest_metrics,
    params,
    runs,
    tags,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

MLFLOW = "mlflow."

KINDS = {"params": params, "metrics": latest_metrics, "tags": tags}


def read(
    connection: Connection, ids: Sequence[str], columns: Iterable[str], *, sqlite: bool
) -> list[Run]:
    """Return runs in the order of their ids.

    Parameters
    ----------
    connection
        Where they are.
    ids
        Which; those that do not exist are left out.
    columns
        Such as ``metrics.auc``; none: everything.
    sqlite
        Whether the database is SQLite.
    """
    wanted = wanted_keys(columns)
    query = (
        sa.select(runs, experiments.c.name.label("experiment"))
        .join_from(runs, experiments, runs.c.experiment_id == experiments.c.experiment_id)
        .where(among(runs.c.run_uuid, ids, sqlite=sqlite))
    )
    rows = {row.run_uuid: row for row in connection.execute(query)}
    found = {
        kind: values(
            connection, table, rows.keys(), wanted.get(kind, ()) if wanted else None, sqlite=sqlite
        )
        for kind, table in KINDS.items()
        if wanted is None or kind in wanted or table is tags
    }
    now = time.time()
    return [
        make(
            rows[run_id],
            found.get("params", {}).get(run_id, {}),
            found.get("metrics", {}).get(run_id, {}),
            found["tags"].get(run_id, {}),
            now,
            None if wanted is None else wanted.get("tags", ()),
        )
        for run_id in ids
        if run_id in rows
    ]


def values(
    connection: Connection,
    table: sa.TableClause,
    ids: Iterable[str],
    keys: Iterable[str] | None,
    *,
    sqlite: bool,
) -> dict[str, dict[str, Any]]:
    """Return keys and values of each run."""
    columns = [table.c.run_uuid, table.c.key, table.c.value]
    if table is latest_metrics:
        columns.append(table.c.is_nan)
    query = sa.select(*columns).where(among(table.c.run_uuid, list(ids), sqlite=sqlite))
    if keys is not None and table is not tags:
        query = query.where(table.c.key.in_(keys))
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    if table is latest_metrics:
        for run_id, key, value, is_nan in connection.execute(query):
            found[run_id][key] = float("nan") if is_nan else value
    else:
        for run_id, key, value in connection.execute(query):
            found[run_id][key] = value
    return found


def make(
    row: Any,
    run_params: dict[str, str],
    run_metrics: dict[str, float | None],
    run_tags: dict[str, str],
    now: float,
    shown_tags: Iterable[str] | None,
) -> Run:
    """Put a run together."""
    started, ended = moment(row.start_time), moment(row.end_time)
    end = ended.timestamp() if ended else now if row.status == "RUNNING" else None
    shown = {
        key: value
        for key, value in run_tags.items()
        if not key.startswith(MLFLOW) and (shown_tags is None or key in shown_tags)
    }
    return Run.model_construct(
        id=row.run_uuid,
        name=row.name or run_tags.get(NAME_TAG, ""),
        experiment_id=str(row.experiment_id),
        experiment=row.experiment,
        status=row.status,
        lifecycle=row.lifecycle_stage,
        user=row.user_id or run_tags.get(USER_TAG),
        started_at=started,
        ended_at=ended,
        duration_s=max(0.0, end - started.timestamp()) if end and started else None,
        params=dict(sorted(run_params.items())),
        metrics=dict(sorted(run_metrics.items())),
        tags=dict(sorted(shown.items())),
        note=run_tags.get(NOTE_TAG),
        favourite=False,
        archived=run_tags.get(ARCHIVED_TAG) == "true",
        job_id=run_tags.get(JOB_TAG),
        parent_run_id=run_tags.get(PARENT_TAG),
        notebook=run_tags.get(NOTEBOOK_TAG),
        workspace=run_tags.get(WORKSPACE_TAG),
        source=run_tags.get(SOURCE_TAG),
        artifact_uri=row.artifact_uri,
        spark={},
    )


def moment(millis: int | None) -> datetime | None:
    """Return the moment of MLflow's milliseconds; None where there is none."""
    if millis is None:
        return None
    try:
        return datetime.fromtimestamp(millis / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
