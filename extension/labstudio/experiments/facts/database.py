"""What runs hold, straight from MLflow's own database."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.experiments.facts import histories
from labstudio.experiments.facts.reading import CONTEXT_TAG, dataset_use
from labstudio.experiments.facts.source import LARGEST, LoggedModel
from labstudio.experiments.facts.tables import (
    datasets,
    input_tags,
    inputs,
    logged_models,
    model_versions,
)
from labstudio.experiments.run_models import DatasetUse, MetricSummary, RunLink
from labstudio.experiments.search.matching import among
from labstudio.experiments.search.names import PARENT_TAG
from labstudio.experiments.search.rows import MLFLOW
from labstudio.experiments.search.tables import latest_metrics, metrics, runs, tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from labstudio.experiments.facts.source import Histories
    from labstudio.experiments.search.engine import Records

MOST_CHILDREN = 1000


class DatabaseFacts:
    """Reads beside the tracking server that writes.

    Parameters
    ----------
    records
        MLflow's database.
    """

    elsewhere = False

    def __init__(self, records: Records) -> None:
        self._records = records

    def histories(
        self,
        run_ids: Sequence[str],
        metrics: Sequence[str],
        first: int | None = None,
        last: int | None = None,
    ) -> Histories:
        """Return metrics' values by run and metric, from one step to another, both included."""
        if not self._records.exist:
            return {}
        return histories.read(
            self._records,
            run_ids,
            metrics,
            histories.FIRST if first is None else first,
            histories.LAST if last is None else last,
        )

    def summaries(self, run_ids: Sequence[str]) -> dict[str, list[MetricSummary]]:
        """Return what is known of each run's metrics, by name."""
        value = sa.case((sa.not_(metrics.c.is_nan), metrics.c.value))
        finite = sa.case((sa.func.abs(value) < LARGEST, value))
        course = (
            sa.select(
                metrics.c.run_uuid,
                metrics.c.key,
                sa.func.count(),
                sa.func.min(finite),
                sa.func.max(finite),
            )
            .where(self._among(metrics.c.run_uuid, run_ids))
            .group_by(metrics.c.run_uuid, metrics.c.key)
        )
        newest = sa.select(latest_metrics).where(self._among(latest_metrics.c.run_uuid, run_ids))
        with self._records.read() as connection:
            spans = {(row[0], row[1]): row[2:] for row in connection.execute(course)}
            last = connection.execute(newest.order_by(latest_metrics.c.key)).all()
        found: dict[str, list[MetricSummary]] = defaultdict(list)
        for row in last:
            count, low, high = spans.get((row.run_uuid, row.key), (1, None, None))
            finite_last = not row.is_nan and abs(row.value) < LARGEST
            found[row.run_uuid].append(
                MetricSummary(
                    key=row.key,
                    count=count,
                    last=row.value if finite_last else None,
                    low=low,
                    high=high,
                    step=row.step,
                )
            )
        return found

    def own_tags(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return each run's tags that MLflow keeps for itself (``mlflow.``)."""
        query = sa.select(tags.c.run_uuid, tags.c.key, tags.c.value).where(
            self._among(tags.c.run_uuid, run_ids), tags.c.key.startswith(MLFLOW)
        )
        found: dict[str, dict[str, str]] = defaultdict(dict)
        with self._records.read() as connection:
            for run_id, key, value in connection.execute(query):
                found[run_id][key] = value
        return found

    def datasets(self, run_ids: Sequence[str]) -> dict[str, list[DatasetUse]]:
        """Return the data that each run read."""
        context = sa.and_(
            input_tags.c.input_uuid == inputs.c.input_uuid, input_tags.c.name == CONTEXT_TAG
        )
        query = (
            sa.select(
                inputs.c.destination_id,
                datasets.c.name,
                datasets.c.digest,
                datasets.c.dataset_source_type,
                datasets.c.dataset_source,
                datasets.c.dataset_schema,
                datasets.c.dataset_profile,
                input_tags.c.value,
            )
            .select_from(
                inputs.join(datasets, datasets.c.dataset_uuid == inputs.c.source_id).outerjoin(
                    input_tags, context
                )
            )
            .where(
                inputs.c.destination_type == "RUN",
                inputs.c.source_type == "DATASET",
                self._among(inputs.c.destination_id, run_ids),
            )
            .order_by(datasets.c.name, datasets.c.digest)
        )
        found: dict[str, list[DatasetUse]] = defaultdict(list)
        with self._records.read() as connection:
            for run_id, *facts in connection.execute(query):
                found[run_id].append(dataset_use(*facts))
        return found

    def models(self, run_id: str) -> list[LoggedModel]:
        """Return the models that a run logged."""
        query = (
            sa.select(
                logged_models.c.name,
                logged_models.c.model_id,
                logged_models.c.artifact_location,
            )
            .where(
                logged_models.c.source_run_id == run_id,
                logged_models.c.lifecycle_stage == "active",
            )
            .order_by(logged_models.c.creation_timestamp_ms)
        )
        with self._records.read() as connection:
            return [LoggedModel(*row) for row in connection.execute(query)]

    def versions(self, run_id: str) -> Mapping[str, list[tuple[str, int]]]:
        """Return the registered versions that were made of a run, by what they were made of."""
        query = (
            sa.select(model_versions.c.source, model_versions.c.name, model_versions.c.version)
            .where(
                model_versions.c.run_id == run_id,
                model_versions.c.current_stage != "Deleted_Internal",
            )
            .order_by(model_versions.c.name, model_versions.c.version)
        )
        found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        with self._records.read() as connection:
            for source, name, version in connection.execute(query):
                found[source or ""].append((name, version))
        return found

    def children(self, run_id: str) -> list[RunLink]:
        """Return the runs nested in a run, oldest first."""
        nested = sa.select(tags.c.run_uuid).where(tags.c.key == PARENT_TAG, tags.c.value == run_id)
        query = (
            sa.select(runs.c.run_uuid, runs.c.name, runs.c.status)
            .where(runs.c.run_uuid.in_(nested), runs.c.lifecycle_stage == "active")
            .order_by(runs.c.start_time, runs.c.run_uuid)
            .limit(MOST_CHILDREN)
        )
        with self._records.read() as connection:
            rows = connection.execute(query).all()
        return [RunLink(id=row[0], name=row[1] or "", status=row[2]) for row in rows]

    def _among(self, column: sa.ColumnElement[Any], ids: Sequence[str]) -> Any:
        return among(column, ids, sqlite=self._records.sqlite)
