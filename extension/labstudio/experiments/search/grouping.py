"""Runs in groups, the keys that they have, and the values of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.experiments.models import (
    ColumnKey,
    MetricRange,
    RunColumns,
    RunGroup,
    RunGroups,
    RunValues,
)
from labstudio.experiments.search.matching import experiment_number
from labstudio.experiments.search.names import ATTRIBUTE_NAMES, DATA_NAMES, key_of, said, split_key
from labstudio.experiments.search.tables import (
    ATTRIBUTES,
    experiments,
    latest_metrics,
    params,
    runs,
    tags,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from labstudio.experiments.models import GroupQuery, ValuesQuery
    from labstudio.experiments.search.filters import Condition


def count_keys(connection: Connection | None, given: Sequence[str]) -> RunColumns:
    """Return the parameters, metrics and tags that runs have, the most frequent first."""
    numbers = [experiment_number(each) for each in given]
    active = runs.c.lifecycle_stage == "active"
    if numbers:
        active = sa.and_(active, runs.c.experiment_id.in_(numbers))
    deleted = sa.select(runs.c.run_uuid).where(runs.c.lifecycle_stage == "deleted")
    found: dict[str, list[ColumnKey]] = {}
    for name, table in (("params", params), ("metrics", latest_metrics), ("tags", tags)):
        query = sa.select(table.c.key, sa.func.count()).group_by(table.c.key)
        if numbers:
            query = query.where(table.c.run_uuid.in_(sa.select(runs.c.run_uuid).where(active)))
        else:
            query = query.where(table.c.run_uuid.not_in(deleted))
        counted = connection.execute(query).all() if connection is not None else []
        shown = [
            ColumnKey(key=key, count=number)
            for key, number in counted
            if name != "tags" or not key.startswith("mlflow.")
        ]
        found[name] = sorted(shown, key=lambda each: (-each.count, each.key))
    total = 0
    if connection is not None:
        total = connection.scalar(sa.select(sa.func.count()).select_from(runs).where(active)) or 0
    return RunColumns(
        attributes=list(ATTRIBUTE_NAMES),
        datasets=list(DATA_NAMES),
        runs=total,
        **found,
    )


def valued(key: str, field: str) -> tuple[str, str, sa.FromClause, sa.ColumnElement[Any]]:
    """Return a key's kind and name, the runs joined with what holds it, and its value.

    Raises
    ------
    InvalidInput
        When runs cannot be grouped by it.
    """
    kind, name = split_key(key, field)
    if kind == "experiment":
        return kind, name, runs, runs.c.experiment_id
    if kind == "attributes":
        return kind, name, runs, ATTRIBUTES[name]
    kept = {"params": params, "tags": tags}[kind].alias("by")
    of_run = sa.and_(kept.c.run_uuid == runs.c.run_uuid, kept.c.key == name)
    return kind, name, runs.outerjoin(kept, of_run), kept.c.value


def list_values(connection: Connection, query: ValuesQuery) -> RunValues:
    """Return values of a key, the most frequent first."""
    _, _, source, value = valued(query.key, "key")
    numbers = [experiment_number(each) for each in query.experiment]
    found = (
        sa.select(value)
        .select_from(source)
        .where(runs.c.lifecycle_stage == "active", value.is_not(None))
        .group_by(value)
        .order_by(sa.func.count().desc(), value)
        .limit(query.limit)
    )
    if numbers:
        found = found.where(runs.c.experiment_id.in_(numbers))
    if query.prefix:
        found = found.where(sa.cast(value, sa.String).istartswith(query.prefix, autoescape=True))
    return RunValues(items=[str(each) for each in connection.scalars(found)])


def group(connection: Connection, query: GroupQuery, matching: Sequence[Condition]) -> RunGroups:
    """Return groups, the largest first, with the ranges of some metrics in each."""
    kind, name, source, value = valued(query.by, "by")
    columns = [value.label("value"), sa.func.count().label("runs")]
    for number, metric in enumerate(query.metric):
        key = key_of(metric)
        kept = latest_metrics.alias(f"metric_{number}")
        source = source.outerjoin(
            kept,
            sa.and_(
                kept.c.run_uuid == runs.c.run_uuid,
                kept.c.key == key,
                kept.c.is_nan == sa.false(),
            ),
        )
        columns += [
            function(kept.c.value).label(f"{label}_{number}")
            for label, function in (
                ("min", sa.func.min),
                ("max", sa.func.max),
                ("mean", sa.func.avg),
                ("count", sa.func.count),
            )
        ]
    grouped = sa.select(*columns).select_from(source).where(*matching).group_by(value)
    found = connection.execute(grouped.order_by(sa.desc("runs"), value)).all()
    names: dict[int, str] = {}
    if kind == "experiment":
        listed = connection.execute(sa.select(experiments.c.experiment_id, experiments.c.name))
        names = {number: label for number, label in listed}  # noqa: C416  rows are no pairs
    items = []
    for row in found[: query.limit]:
        given = None if row.value is None else str(row.value)
        items.append(
            RunGroup(
                key=query.by,
                value=given,
                label=names.get(row.value, given or "") if given is not None else "",
                count=row.runs,
                filter=said(kind, name, given),
                experiment=given if kind == "experiment" else None,
                metrics={
                    metric: MetricRange(
                        min=getattr(row, f"min_{number}"),
                        max=getattr(row, f"max_{number}"),
                        mean=getattr(row, f"mean_{number}"),
                        count=getattr(row, f"count_{number}"),
                    )
                    for number, metric in enumerate(query.metric)
                },
            )
        )
    return RunGroups(items=items, total=len(found))
