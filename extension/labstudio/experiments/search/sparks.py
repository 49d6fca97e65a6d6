"""The course of a metric in a few dozen values, for many runs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.experiments.search.matching import among
from labstudio.experiments.search.names import key_of
from labstudio.experiments.search.tables import metrics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection

    from labstudio.experiments.models import Run

POINTS = 32


def add_sparks(
    connection: Connection, runs: Sequence[Run], keys: Sequence[str], *, sqlite: bool
) -> None:
    """Give each run the course of some metrics."""
    by_id = {run.id: run for run in runs}
    for metric in keys if by_id else ():
        key = key_of(metric)
        bounds = (
            sa.select(
                metrics.c.run_uuid,
                sa.func.min(metrics.c.step).label("first"),
                sa.func.max(metrics.c.step).label("last"),
            )
            .where(among(metrics.c.run_uuid, list(by_id), sqlite=sqlite), metrics.c.key == key)
            .group_by(metrics.c.run_uuid)
        )
        for run_id, first, last in connection.execute(bounds).all():
            by_id[run_id].spark[metric] = course(connection, run_id, key, first, last)


def course(
    connection: Connection, run_id: str, key: str, first: int, last: int
) -> list[float | None]:
    """Return values of a metric at steps spread evenly."""
    history = sa.select(metrics.c.value, metrics.c.is_nan).where(
        metrics.c.run_uuid == run_id, metrics.c.key == key
    )
    if last - first < POINTS:
        query = history.order_by(metrics.c.step, metrics.c.timestamp).limit(POINTS * 8)
        values = [None if is_nan else value for value, is_nan in connection.execute(query)]
        step = max(1, -(-len(values) // POINTS))
        return values[::-1][::step][::-1]
    steps = sorted({first + (last - first) * each // (POINTS - 1) for each in range(POINTS)})
    values = []
    for step in steps:
        row = connection.execute(
            history.where(metrics.c.step >= step).order_by(metrics.c.step).limit(1)
        ).one()
        values.append(None if row.is_nan else row.value)
    return values
