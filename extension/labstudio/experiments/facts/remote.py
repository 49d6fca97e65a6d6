"""What runs hold, through MLflow's REST API: slower than its database, and the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, NotFound
from labstudio.experiments.facts.reading import CONTEXT_TAG, dataset_use
from labstudio.experiments.facts.source import LARGEST, Histories, History, LoggedModel
from labstudio.experiments.run_models import DatasetUse, MetricSummary, RunLink
from labstudio.experiments.tracking import API
from labstudio.experiments.wire import to_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from labstudio.experiments.tracking import Tracking

READERS = 8
HISTORY_PAGE = 25_000
MOST_CHILDREN = 1000
# Beyond so many, histories are not read only to tell how far metrics ranged.
MOST_RANGES = 200
OWN = "mlflow."
PARENT_FILTER = "tags.`mlflow.parentRunId` = '{}'"


class RemoteFacts:
    """Runs behind MLflow's REST API; see `RunFacts`.

    Parameters
    ----------
    tracking
        The client of the server.
    """

    elsewhere = True

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking

    def histories(
        self,
        run_ids: Sequence[str],
        metrics: Sequence[str],
        first: int | None = None,
        last: int | None = None,
    ) -> Histories:
        """Return metrics' values by run and metric, from one step to another, both included."""
        asked = list(product(run_ids, metrics))
        found = _each(lambda pair: list(self._history(*pair)), asked)
        return {
            pair: history
            for pair, entries in zip(asked, found, strict=True)
            if (history := history_of(entries, first, last)) is not None
        }

    def summaries(self, run_ids: Sequence[str]) -> dict[str, list[MetricSummary]]:
        """Return what is known of each run's metrics, by name."""
        newest = {
            run_id: sorted(run["data"].get("metrics", []), key=lambda each: each["key"])
            for run_id, run in self._runs(run_ids).items()
        }
        asked = [(run_id, each["key"]) for run_id, given in newest.items() for each in given]
        known: Histories = {}
        if len(asked) <= MOST_RANGES:
            read = _each(lambda pair: list(self._history(*pair)), asked)
            known = {
                pair: history
                for pair, entries in zip(asked, read, strict=True)
                if (history := history_of(entries, None, None)) is not None
            }
        return {
            run_id: [summary(each, known.get((run_id, each["key"]))) for each in given]
            for run_id, given in newest.items()
        }

    def own_tags(self, run_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """Return each run's tags that MLflow keeps for itself (``mlflow.``)."""
        tags = {
            run_id: to_dict(run["data"].get("tags", []))
            for run_id, run in self._runs(run_ids).items()
        }
        return {
            run_id: {key: value for key, value in given.items() if key.startswith(OWN)}
            for run_id, given in tags.items()
        }

    def datasets(self, run_ids: Sequence[str]) -> dict[str, list[DatasetUse]]:
        """Return the data that each run read."""
        return {
            run_id: [use_of(each) for each in run.get("inputs", {}).get("dataset_inputs", [])]
            for run_id, run in self._runs(run_ids).items()
        }

    def models(self, run_id: str) -> list[LoggedModel]:
        """Return the models that a run logged; none where the server is older than MLflow 3."""
        run = self._runs([run_id]).get(run_id)
        if run is None:
            return []
        try:
            answer = self._tracking.call(
                "POST",
                f"{API}/logged-models/search",
                experiment_ids=[run["info"]["experiment_id"]],
                filter=f"source_run_id = '{run_id}'",
            )
        except (NotFound, InvalidInput):
            return []
        infos = [each["info"] for each in answer.get("models", [])]
        return [LoggedModel(each["name"], each["model_id"], each["artifact_uri"]) for each in infos]

    def versions(self, run_id: str) -> Mapping[str, list[tuple[str, int]]]:
        """Return the registered versions that were made of a run, by what they were made of."""
        answer = self._tracking.call(
            "GET", f"{API}/model-versions/search", filter=f"run_id = '{run_id}'"
        )
        found: dict[str, list[tuple[str, int]]] = {}
        for each in answer.get("model_versions", []):
            version = (each["name"], int(each["version"]))
            found.setdefault(each.get("source", ""), []).append(version)
        return found

    def children(self, run_id: str) -> list[RunLink]:
        """Return the runs nested in a run, oldest first."""
        run = self._runs([run_id]).get(run_id)
        if run is None:
            return []
        answer = self._tracking.call(
            "POST",
            f"{API}/runs/search",
            experiment_ids=[run["info"]["experiment_id"]],
            filter=PARENT_FILTER.format(run_id),
            order_by=["attributes.start_time ASC"],
            max_results=MOST_CHILDREN,
        )
        infos = [each["info"] for each in answer.get("runs", [])]
        return [
            RunLink(id=each["run_id"], name=each.get("run_name", ""), status=each["status"])
            for each in infos
        ]

    def _runs(self, run_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        found = _each(self._run, list(run_ids))
        return {each["info"]["run_id"]: each for each in found if each is not None}

    def _run(self, run_id: str) -> dict[str, Any] | None:
        try:
            run: dict[str, Any] = self._tracking.call("GET", f"{API}/runs/get", run_id=run_id)
        except NotFound:
            return None
        return {"data": {}, **run["run"]}

    def _history(self, run_id: str, metric: str) -> Iterator[dict[str, Any]]:
        token: str | None = None
        while True:
            answer = self._tracking.call(
                "GET",
                f"{API}/metrics/get-history",
                run_id=run_id,
                metric_key=metric,
                max_results=HISTORY_PAGE,
                page_token=token,
            )
            yield from answer.get("metrics", [])
            if not (token := answer.get("next_page_token")):
                return


def _each(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Ask for several things at once; the answers are in the items' order."""
    if len(items) < 2:
        return [work(each) for each in items]
    with ThreadPoolExecutor(READERS) as pool:
        return list(pool.map(work, items))


def history_of(
    entries: Sequence[Mapping[str, Any]], first: int | None, last: int | None
) -> History | None:
    """Return the values of MLflow's JSON by step, then time; None where there are none."""
    import numpy as np

    step = np.array([int(each.get("step", 0)) for each in entries], dtype=np.int64)
    at_ms = np.array([int(each["timestamp"]) for each in entries], dtype=np.int64)
    value = np.array([float(each["value"]) for each in entries], dtype=float)
    value[value >= LARGEST], value[value <= -LARGEST] = np.inf, -np.inf
    order = np.lexsort((at_ms, step))
    inside = np.ones(len(order), dtype=bool)
    if first is not None:
        inside &= step[order] >= first
    if last is not None:
        inside &= step[order] <= last
    kept = order[inside]
    return History(step[kept], at_ms[kept], value[kept]) if len(kept) else None


def summary(newest: Mapping[str, Any], history: History | None) -> MetricSummary:
    """Return what is known of a metric."""
    import numpy as np

    last = float(newest["value"])
    finite = history.value[np.isfinite(history.value)] if history is not None else np.empty(0)
    return MetricSummary(
        key=newest["key"],
        count=None if history is None else len(history.value),
        last=last if abs(last) < LARGEST else None,
        low=float(finite.min()) if len(finite) else None,
        high=float(finite.max()) if len(finite) else None,
        step=int(newest.get("step", 0)),
    )


def use_of(entry: Mapping[str, Any]) -> DatasetUse:
    """Return a dataset of MLflow's JSON."""
    told = entry["dataset"]
    return dataset_use(
        told["name"],
        told["digest"],
        told.get("source_type", ""),
        told.get("source"),
        told.get("schema"),
        told.get("profile"),
        to_dict(entry.get("tags", [])).get(CONTEXT_TAG),
    )
