"""A window of what matches, how much matches in all, and the best of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.visitors import InternalTraversal

from labstudio.experiments.models import Best
from labstudio.experiments.search import orders
from labstudio.experiments.search.filters import lacks
from labstudio.experiments.search.names import key_of
from labstudio.experiments.search.tables import latest_metrics, runs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy.engine import Connection

    from labstudio.experiments.search.filters import Condition


COUNTS = "labstudio_counts"
COUNTS_KEPT = 64
# Runs of which the best are found by looking at each.
FEW = 20_000


class unindexed(sa.ColumnElement[str]):  # noqa: N801  written as a function
    """A column by which SQLite shall not look a table up, so that the other one's index leads."""

    inherit_cache = True
    _traverse_internals = [("column", InternalTraversal.dp_clauseelement)]  # noqa: RUF012

    def __init__(self, column: sa.ColumnElement[str]) -> None:
        self.column = column
        self.type = column.type


@compiles(unindexed)
def _as_it_is(element: unindexed, compiler: Any, **options: Any) -> str:
    text: str = compiler.process(element.column, **options)
    return text


@compiles(unindexed, "sqlite")
def _for_sqlite(element: unindexed, compiler: Any, **options: Any) -> str:
    return "+" + _as_it_is(element, compiler, **options)


def window(
    connection: Connection,
    matching: Sequence[Condition],
    terms: Sequence[orders.Term],
    at: int,
    limit: int,
) -> list[str]:
    """Return the ids of the runs in a window of all that match, in order.

    What goes by a metric first is read in that order from the metric's index, as far as the window
    reaches: runs with a number, then those that have none, then those without the metric.
    """
    if not terms or terms[0].kind != "metric":
        source, keys = orders.joined(runs, terms)
        query = sa.select(runs.c.run_uuid).select_from(source).where(*matching)
        return list(connection.scalars(query.order_by(*keys).offset(at).limit(limit)))
    found: list[str] = []
    for query in by_metric(terms, matching):
        part: list[str] = list(connection.scalars(query.offset(at).limit(limit - len(found))))
        found += part
        if len(found) == limit:
            break
        # How far the window reaches into what comes next.
        at = 0 if part else at - size(connection, query) if at else 0
    return found


def by_metric(
    terms: Sequence[orders.Term], matching: Sequence[Condition]
) -> Iterator[sa.Select[tuple[str]]]:
    """Yield what selects all runs in order of a metric and further terms, in three parts."""
    first, rest = terms[0], terms[1:]
    kept = latest_metrics.alias("first")
    pairs = sa.join(kept, runs, unindexed(kept.c.run_uuid) == runs.c.run_uuid)
    source, keys = orders.joined(pairs, rest, also=[first])
    chosen = sa.select(runs.c.run_uuid).select_from(source)
    numbers = chosen.where(kept.c.key == first.key, kept.c.is_nan == sa.false(), *matching)
    yield numbers.order_by(kept.c.value if first.ascending else kept.c.value.desc(), *keys)
    none = chosen.where(kept.c.key == first.key, kept.c.is_nan == sa.true(), *matching)
    yield none.order_by(*keys)
    source, keys = orders.joined(runs, rest, also=[first])
    missing = sa.select(runs.c.run_uuid).select_from(source)
    yield missing.where(lacks(latest_metrics, first.key), *matching).order_by(*keys)


def size(connection: Connection, query: sa.Select[tuple[str]]) -> int:
    """Return how many rows a query has in all."""
    return (
        connection.scalar(sa.select(sa.func.count()).select_from(query.order_by(None).subquery()))
        or 0
    )


def count(connection: Connection, matching: Sequence[Condition]) -> int:
    """Return how many runs match; SQLite's answer is kept until somebody writes."""
    query = sa.select(sa.func.count()).select_from(runs).where(*matching)
    if connection.dialect.name != "sqlite":
        return connection.scalar(query) or 0
    compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
    asked = (str(compiled), repr(compiled.params))
    version = connection.scalar(sa.text("PRAGMA data_version"))
    kept = connection.info.get(COUNTS)
    if kept is None or kept[0] != version:
        kept = connection.info[COUNTS] = (version, {})
    counts: dict[tuple[str, str], int] = kept[1]
    if asked not in counts:
        if len(counts) >= COUNTS_KEPT:
            counts.clear()
        counts[asked] = connection.scalar(query) or 0
    return counts[asked]


def bests(
    connection: Connection, matching: Sequence[Condition], metrics: Sequence[str], *, many: bool
) -> dict[str, Best]:
    """Return which runs of all that match have the extremes of each metric.

    Parameters
    ----------
    connection
        Where the runs are.
    matching
        What they must be like.
    metrics
        Such as ``metrics.auc`` or ``auc``.
    many
        Whether most runs match: then the metric's index finds its ends, else those that match are
        looked at.
    """
    keys = {each: key_of(each) for each in metrics}
    found: dict[str, list[tuple[str, float]]]
    if many:
        found = {key: ends(connection, matching, key) for key in keys.values()}
    else:
        found = ranked(connection, matching, list(keys.values()))
    return {
        each: Best(
            min=found[key][0][0],
            min_value=found[key][0][1],
            max=found[key][-1][0],
            max_value=found[key][-1][1],
        )
        for each, key in keys.items()
        if found.get(key)
    }


def ends(
    connection: Connection, matching: Sequence[Condition], key: str
) -> list[tuple[str, float]]:
    """Return the runs with a metric's lowest and highest value, by its index."""
    value = latest_metrics.c.value
    query = (
        sa.select(runs.c.run_uuid, value)
        .join_from(latest_metrics, runs, unindexed(latest_metrics.c.run_uuid) == runs.c.run_uuid)
        .where(latest_metrics.c.key == key, latest_metrics.c.is_nan == sa.false(), *matching)
        .limit(1)
    )
    rows = [connection.execute(query.order_by(end)).first() for end in (value, value.desc())]
    return [(row[0], row[1]) for row in rows if row is not None]


def ranked(
    connection: Connection, matching: Sequence[Condition], keys: Sequence[str]
) -> dict[str, list[tuple[str, float]]]:
    """Return the runs with the lowest and highest value of each metric, among those that match."""
    key, value = latest_metrics.c.key, latest_metrics.c.value

    def rank(order: sa.ColumnElement[float]) -> sa.ColumnElement[int]:
        by = (order, runs.c.run_uuid)
        return sa.func.row_number().over(partition_by=key, order_by=by)

    numbered = (
        sa.select(
            key,
            runs.c.run_uuid,
            value,
            rank(value).label("up"),
            rank(value.desc()).label("down"),
        )
        .join_from(runs, latest_metrics, latest_metrics.c.run_uuid == runs.c.run_uuid)
        .where(key.in_(keys), latest_metrics.c.is_nan == sa.false(), *matching)
        .subquery()
    )
    query = sa.select(numbered).where(sa.or_(numbered.c.up == 1, numbered.c.down == 1))
    found: dict[str, list[tuple[str, float]]] = {}
    for row in connection.execute(query.order_by(numbered.c.up)):
        found.setdefault(row.key, []).append((row.run_uuid, row.value))
    return found
