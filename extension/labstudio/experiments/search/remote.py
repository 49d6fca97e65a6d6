"""Runs found through an MLflow server's REST API: one elsewhere, or one whose records are files.

Slower than its database would be, and the same runs in the same order. What MLflow's API cannot be
asked (a word in a name or note, what is not archived, how many there are) is told from the runs
themselves, as far as they must be read for it.
"""

from __future__ import annotations

import base64
import json
import time
from collections import Counter, defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, NotFound
from labstudio.experiments.models import (
    Best,
    ColumnKey,
    Experiment,
    Lifecycle,
    RunColumns,
    RunGroups,
    RunQuery,
    RunValues,
)
from labstudio.experiments.search.names import (
    ARCHIVED_TAG,
    ATTRIBUTE_NAMES,
    DATA_NAMES,
    key_of,
    split_key,
    wanted_keys,
)
from labstudio.experiments.search.remote_rows import gather, make, matches, value_of
from labstudio.experiments.search.source import Found, Wanted
from labstudio.experiments.tracking import AJAX, API
from labstudio.experiments.wire import moment

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from labstudio.experiments.models import GroupQuery, Run, RunFilter, ValuesQuery
    from labstudio.experiments.tracking import Tracking

Entry = dict[str, Any]

WALK = 1000
# Runs whose columns and values stand for all.
SAMPLE = 2000
# Runs that are looked at to group them.
GROUPED = 20_000
SPARK_POINTS = 32
SPARK_RUNS = 100
VIEWS = {Lifecycle.deleted: "DELETED_ONLY", Lifecycle.all: "ALL"}
ARCHIVED = f"tags.`{ARCHIVED_TAG}` = 'true'"


class RemoteSource:
    """Runs behind MLflow's REST API; see `RunSource`.

    Parameters
    ----------
    tracking
        The client of the server.
    """

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking

    def find(self, wanted: Wanted) -> Found:
        """Return a window of the runs that match, as the server orders them."""
        query = wanted.query
        left_out = self._archived(query)
        if left_out or query.text or query.favourite:
            entries, more = self._picked(wanted, left_out)
        else:
            entries, token = self._search(query, wanted.at, query.limit)
            more = token is not None
        end = wanted.at + len(entries)
        names = {each.id: each.name for each in self.experiments("all")}
        runs = [make(each, names, wanted_keys(query.column), time.time()) for each in entries]
        self._add_sparks(runs, query.spark)
        exact = not more and (bool(entries) or wanted.at == 0)
        best = {each: found for each in query.best if (found := self._best(query, key_of(each)))}
        return Found(runs, end + more, exact, best)

    def ids(self, query: RunFilter, favourites: Collection[str] | None, limit: int) -> list[str]:
        """Return the ids of runs that match, in order."""
        found = self._matching(query, favourites, self._archived(query))
        return [each["info"]["run_id"] for each in islice(found, limit)]

    def get(self, run_ids: Sequence[str]) -> list[Run]:
        """Return the runs of those ids that exist, in the order asked for."""
        names = {each.id: each.name for each in self.experiments("all")}
        found = []
        for run_id in run_ids:
            try:
                entry = self._tracking.call("GET", f"{API}/runs/get", run_id=run_id)["run"]
            except NotFound:
                continue
            found.append(make(entry, names, None, time.time()))
        return found

    def experiments(self, lifecycle: str) -> list[Experiment]:
        """Return experiments, the one that was last changed first; their runs are not counted."""
        view = {"active": "ACTIVE_ONLY", "deleted": "DELETED_ONLY"}.get(lifecycle, "ALL")
        path = f"{API}/experiments/search"
        found = []
        token: str | None = None
        while True:
            answer = self._tracking.call(
                "POST", path, max_results=WALK, view_type=view, page_token=token
            )
            for each in answer.get("experiments", []):
                made, changed = each.get("creation_time"), each.get("last_update_time")
                found.append(
                    Experiment(
                        id=each["experiment_id"],
                        name=each["name"],
                        lifecycle=each.get("lifecycle_stage", "active"),
                        runs=None,
                        created_at=moment(made) if made else None,
                        updated_at=moment(changed or made) if changed or made else None,
                        tags={tag["key"]: tag.get("value", "") for tag in each.get("tags", [])},
                    )
                )
            if not (token := answer.get("next_page_token")):
                return sorted(found, key=lambda each: str(each.updated_at or ""), reverse=True)

    def columns(self, experiments: Sequence[str]) -> RunColumns:
        """Return what the newest runs have."""
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        number = 0
        for entry in islice(self._walk(RunQuery(experiment=list(experiments))), SAMPLE):
            number += 1
            for kind in ("params", "metrics", "tags"):
                counts[kind].update(each["key"] for each in entry["data"].get(kind, []))
        own = [key for key in counts["tags"] if key.startswith("mlflow.")]
        for key in own:
            del counts["tags"][key]
        listed = {
            kind: [ColumnKey(key=key, count=count) for key, count in counts[kind].most_common()]
            for kind in ("params", "metrics", "tags")
        }
        return RunColumns(
            attributes=list(ATTRIBUTE_NAMES), datasets=list(DATA_NAMES), runs=number, **listed
        )

    def values(self, query: ValuesQuery) -> RunValues:
        """Return values that a key has among the newest runs."""
        kind, name = split_key(query.key, "key")
        walk = self._walk(RunQuery(experiment=query.experiment))
        counts = Counter(value_of(entry, kind, name) for entry in islice(walk, SAMPLE))
        start = query.prefix.lower()
        found = [each for each, _ in counts.most_common() if each is not None]
        return RunValues(
            items=[each for each in found if each.lower().startswith(start)][: query.limit]
        )

    def groups(self, query: GroupQuery, favourites: Collection[str] | None) -> RunGroups:
        """Return runs in groups."""
        kind, name = split_key(query.by, "by")
        names = {each.id: each.name for each in self.experiments("all")}
        found = islice(self._matching(query, favourites, self._archived(query)), GROUPED)
        return gather(found, query, kind, name, names)

    def close(self) -> None:
        """Close connections; the client belongs to the studio."""

    def _search(
        self, query: RunFilter, at: int, limit: int, also: str = ""
    ) -> tuple[list[Entry], str | None]:
        """Ask for one page; return it, and a token when there is more."""
        conditions = [query.filter.strip(), also]
        if query.lifecycle is Lifecycle.archived:
            conditions.append(ARCHIVED)
        ids = query.experiment or [each.id for each in self.experiments(scope(query.lifecycle))]
        if not ids:
            return [], None
        try:
            answer = self._tracking.call(
                "POST",
                f"{API}/runs/search",
                experiment_ids=ids,
                filter=" AND ".join(filter(None, conditions)) or None,
                run_view_type=VIEWS.get(query.lifecycle, "ACTIVE_ONLY"),
                max_results=limit,
                order_by=getattr(query, "order_by", None) or None,
                page_token=page_token(at),
            )
        except InvalidInput as error:
            raise told_of(error) from error
        return answer.get("runs", []), answer.get("next_page_token")

    def _walk(self, query: RunFilter) -> Iterator[Entry]:
        """Yield all that the server finds, in order."""
        at = 0
        while True:
            entries, token = self._search(query, at, WALK)
            yield from entries
            at += len(entries)
            if token is None or not entries:
                return

    def _matching(
        self, query: RunFilter, favourites: Collection[str] | None, left_out: set[str]
    ) -> Iterator[Entry]:
        """Yield all that match, in order."""
        words = query.text.lower().split()
        for entry in self._walk(query):
            run_id = entry["info"]["run_id"]
            if run_id in left_out or (query.favourite and run_id not in (favourites or ())):
                continue
            if matches(entry, words):
                yield entry

    def _picked(self, wanted: Wanted, left_out: set[str]) -> tuple[list[Entry], bool]:
        """Return a window of what must be looked at one by one, and whether there is more."""
        query = wanted.query
        found = self._matching(query, wanted.favourites, left_out)
        window = list(islice(found, wanted.at, wanted.at + query.limit + 1))
        return window[: query.limit], len(window) > query.limit

    def _archived(self, query: RunFilter) -> set[str]:
        """Return the ids of runs that match, but are archived and not asked for."""
        if query.lifecycle is not Lifecycle.active:
            return set()
        asked = query.model_copy(update={"lifecycle": Lifecycle.archived})
        return {each["info"]["run_id"] for each in self._walk(asked)}

    def _best(self, query: RunQuery, key: str) -> Best | None:
        ends = []
        for direction in ("DESC", "ASC"):
            asked = query.model_copy(update={"order_by": [f"metrics.`{key}` {direction}"]})
            left_out = self._archived(query)
            found = self._matching(asked, None, left_out)
            first = make(next(found, {"info": {"run_id": ""}}), {}, None, 0.0)
            value = first.metrics.get(key)
            if value is None or value != value:
                return None
            ends.append((first.id, value))
        (high, top), (low, bottom) = ends
        return Best(max=high, max_value=top, min=low, min_value=bottom)

    def _add_sparks(self, runs: Sequence[Run], metrics: Sequence[str]) -> None:
        """Give each run the course of some metrics."""
        for metric in metrics:
            key = key_of(metric)
            having = [run for run in runs if key in run.metrics]
            for begin in range(0, len(having), SPARK_RUNS):
                some = {run.id: run for run in having[begin : begin + SPARK_RUNS]}
                answer = self._tracking.call(
                    "GET",
                    f"{AJAX}/metrics/get-history-bulk-interval",
                    run_ids=list(some),
                    metric_key=key,
                    max_results=SPARK_POINTS,
                )
                for each in answer.get("metrics", []):
                    value = float(each["value"])
                    course = some[each["run_id"]].spark.setdefault(metric, [])
                    course.append(value if value == value else None)


def scope(stage: Lifecycle) -> str:
    """Return whose runs are looked at when no experiment is named."""
    return "all" if stage in VIEWS else "active"


def page_token(at: int) -> str | None:
    """Return MLflow's token of a page that begins after so many runs."""
    return base64.b64encode(json.dumps({"offset": at}).encode()).decode() if at else None


def told_of(error: InvalidInput) -> InvalidInput:
    """Name the field that the server refuses."""
    field = "order_by" if "order" in error.message.lower() else "filter"
    said = " ".join(error.message.split()).rstrip(".")
    return InvalidInput(f"The {field} is not understood: {said}.", field=field)
