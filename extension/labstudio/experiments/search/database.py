"""Runs found in MLflow's own database, by SQL of our own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.experiments.models import Experiment, RunColumns, RunGroups, RunQuery, RunValues
from labstudio.experiments.search import orders, rows
from labstudio.experiments.search.engine import Records
from labstudio.experiments.search.grouping import count_keys, group, list_values
from labstudio.experiments.search.matching import conditions
from labstudio.experiments.search.source import Found, Wanted
from labstudio.experiments.search.sparks import add_sparks
from labstudio.experiments.search.tables import experiment_tags, experiments, runs
from labstudio.experiments.search.window import FEW, bests, count, window

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from labstudio.experiments.models import GroupQuery, Run, RunFilter, ValuesQuery

COLUMNS_S = 5.0


class DatabaseSource:
    """Runs in MLflow's database; see `RunSource`.

    Parameters
    ----------
    url
        The SQLAlchemy address of the store.
    """

    def __init__(self, url: str) -> None:
        self.records = Records(url)
        self._columns: dict[tuple[str, ...], tuple[float, RunColumns]] = {}

    def find(self, wanted: Wanted) -> Found:
        """Return a window of the runs that match, exactly as MLflow orders them."""
        query = wanted.query
        sqlite = self.records.sqlite
        terms = orders.parse(query.order_by)
        matching = conditions(query, wanted.favourites, sqlite=sqlite)
        if not self.records.exist:
            return Found([], 0)
        with self.records.read() as connection:
            ids = window(connection, matching, terms, wanted.at, query.limit)
            found = rows.read(connection, ids, query.column, sqlite=sqlite)
            add_sparks(connection, found, query.spark, sqlite=sqlite)
            total = count(connection, matching)
            best = bests(connection, matching, query.best, many=total > FEW) if query.best else {}
            return Found(found, total, best=best)

    def ids(self, query: RunFilter, favourites: Collection[str] | None, limit: int) -> list[str]:
        """Return the ids of runs that match, in MLflow's order."""
        terms = orders.parse(query.order_by) if isinstance(query, RunQuery) else []
        matching = conditions(query, favourites, sqlite=self.records.sqlite)
        if not self.records.exist:
            return []
        with self.records.read() as connection:
            return window(connection, matching, terms, 0, limit)

    def get(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the runs of those ids that exist, in the order asked for."""
        if not self.records.exist:
            return []
        with self.records.read() as connection:
            return rows.read(connection, run_ids, (), sqlite=self.records.sqlite)

    def experiments(self, lifecycle: str) -> list[Experiment]:
        """Return experiments, the one that was last at work first."""
        if not self.records.exist:
            return []
        at_work = (
            sa.select(
                runs.c.experiment_id,
                sa.func.count().label("runs"),
                sa.func.max(runs.c.start_time).label("begun"),
                sa.func.max(runs.c.end_time).label("ended"),
            )
            .where(runs.c.lifecycle_stage == "active")
            .group_by(runs.c.experiment_id)
            .subquery()
        )
        query = sa.select(experiments, at_work.c.runs, at_work.c.begun, at_work.c.ended).join_from(
            experiments,
            at_work,
            at_work.c.experiment_id == experiments.c.experiment_id,
            isouter=True,
        )
        if lifecycle != "all":
            query = query.where(experiments.c.lifecycle_stage == lifecycle)
        with self.records.read() as connection:
            found = connection.execute(query).all()
            tagged: dict[int, dict[str, str]] = {}
            for number, key, value in connection.execute(sa.select(experiment_tags)):
                tagged.setdefault(number, {})[key] = value
        made = []
        for row in found:
            times = (row.begun, row.ended, row.last_update_time, row.creation_time)
            made.append(
                Experiment(
                    id=str(row.experiment_id),
                    name=row.name,
                    lifecycle=row.lifecycle_stage,
                    runs=row.runs or 0,
                    created_at=rows.moment(row.creation_time),
                    updated_at=rows.moment(max((each for each in times if each), default=None)),
                    tags=tagged.get(row.experiment_id, {}),
                )
            )
        return sorted(made, key=lambda each: str(each.updated_at or ""), reverse=True)

    def columns(self, experiments: Sequence[str]) -> RunColumns:
        """Return what runs have."""
        if not self.records.exist:
            return count_keys(None, [])
        asked = tuple(sorted(experiments))
        at, known = self._columns.get(asked, (0.0, None))
        if known is not None and time.monotonic() - at < COLUMNS_S:
            return known
        with self.records.read() as connection:
            found = count_keys(connection, experiments)
        # Among many runs it takes a second to count, and forms ask at every stroke.
        self._columns = {asked: (time.monotonic(), found)}
        return found

    def values(self, query: ValuesQuery) -> RunValues:
        """Return values of a key."""
        if not self.records.exist:
            return RunValues(items=[])
        with self.records.read() as connection:
            return list_values(connection, query)

    def groups(self, query: GroupQuery, favourites: Collection[str] | None) -> RunGroups:
        """Return runs in groups."""
        matching = conditions(query, favourites, sqlite=self.records.sqlite)
        if not self.records.exist:
            return RunGroups(items=[], total=0)
        with self.records.read() as connection:
            return group(connection, query, matching)

    def close(self) -> None:
        """Close every connection."""
        self.records.close()
