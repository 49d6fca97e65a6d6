"""A window of what matches, how much matches in all, and the best of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.experiments.models import Best
from labstudio.experiments.search import orders
from labstudio.experiments.search.tables import latest_metrics, runs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from labstudio.experiments.search.filters import Condition


def window(
    connection: Connection,
    matching: Sequence[Condition],
    terms: Sequence[orders.Term],
    at: int,
    limit: int,
) -> list[str]:
    """Return the ids of the runs in a window of all that match, in order."""
    source, keys = orders.joined(runs, terms)
    query = sa.select(runs.c.run_uuid).select_from(source).where(*matching)
    return list(connection.scalars(query.order_by(*keys).offset(at).limit(limit)))


def count(connection: Connection, matching: Sequence[Condition]) -> int:
    """Return how many runs match."""
    query = sa.select(sa.func.count()).select_from(runs).where(*matching)
    return connection.scalar(query) or 0


def bests(
    connection: Connection, matching: Sequence[Condition], metrics: Sequence[str]
) -> dict[str, Best]:
    """Return which runs of all that match have the extremes of each metric."""
    found = {}
    for metric in metrics:
        key = metric.removeprefix("metrics.").strip("`")
        highest, lowest = (
            extreme(connection, matching, key, ascending=ascending) for ascending in (False, True)
        )
        if highest and lowest:
            found[metric] = Best(
                max=highest[0], max_value=highest[1], min=lowest[0], min_value=lowest[1]
            )
    return found


def extreme(
    connection: Connection, matching: Sequence[Condition], key: str, *, ascending: bool
) -> tuple[str, float] | None:
    """Return the run that is first by a metric, and its value."""
    value = latest_metrics.c.value
    query = (
        sa.select(runs.c.run_uuid, value)
        .join_from(latest_metrics, runs, runs.c.run_uuid == latest_metrics.c.run_uuid)
        .where(latest_metrics.c.key == key, latest_metrics.c.is_nan == sa.false(), *matching)
        .order_by(value if ascending else value.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    return (row[0], row[1]) if row else None
