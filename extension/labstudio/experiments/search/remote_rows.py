"""Runs of MLflow's REST API as the table shows them."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from labstudio.experiments.models import MetricRange, Run, RunGroup, RunGroups
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
    Wanted,
    key_of,
    said,
)
from labstudio.experiments.wire import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from labstudio.experiments.models import GroupQuery

Entry = dict[str, Any]


def pairs(entry: Entry, kind: str) -> dict[str, Any]:
    """Return the keys and values of one kind."""
    return {each["key"]: each.get("value", "") for each in entry.get("data", {}).get(kind, [])}


def numbers(entry: Entry) -> dict[str, float]:
    """Return the metrics of a run; NaN travels as text."""
    return {key: float(value) for key, value in pairs(entry, "metrics").items()}


def make(entry: Entry, experiments: Mapping[str, str], keys: Wanted | None, now: float) -> Run:
    """Put a run together.

    Parameters
    ----------
    entry
        MLflow's JSON.
    experiments
        Names by id.
    keys
        What is wanted of each kind; None: everything.
    now
        Seconds since the epoch.
    """
    info, tags = entry["info"], pairs(entry, "tags")
    begun, ended = (int(info[each]) if info.get(each) else None for each in TIMES)
    running = info.get("status") == "RUNNING"
    end = ended / 1000 if ended else now if running else None

    def chosen(kind: str, values: dict[str, Any]) -> dict[str, Any]:
        wanted = None if keys is None else keys.get(kind, set())
        return {key: values[key] for key in sorted(values) if wanted is None or key in wanted}

    shown = {key: value for key, value in tags.items() if not key.startswith("mlflow.")}
    return Run.model_construct(
        id=info["run_id"],
        name=info.get("run_name") or tags.get(NAME_TAG, ""),
        experiment_id=info.get("experiment_id", ""),
        experiment=experiments.get(info.get("experiment_id", ""), ""),
        status=info.get("status", "RUNNING"),
        lifecycle=info.get("lifecycle_stage", "active"),
        user=info.get("user_id") or tags.get(USER_TAG),
        started_at=moment(begun) if begun else None,
        ended_at=moment(ended) if ended else None,
        duration_s=max(0.0, end - begun / 1000) if end and begun else None,
        params=chosen("params", pairs(entry, "params")),
        metrics=chosen("metrics", numbers(entry)),
        tags=chosen("tags", shown),
        note=tags.get(NOTE_TAG),
        favourite=False,
        archived=tags.get(ARCHIVED_TAG) == "true",
        job_id=tags.get(JOB_TAG),
        parent_run_id=tags.get(PARENT_TAG),
        notebook=tags.get(NOTEBOOK_TAG),
        workspace=tags.get(WORKSPACE_TAG),
        source=tags.get(SOURCE_TAG),
        artifact_uri=info.get("artifact_uri"),
        spark={},
    )


TIMES = ("start_time", "end_time")


def matches(entry: Entry, words: Sequence[str]) -> bool:
    """Tell whether each word stands in a run's name, id, parameters or note."""
    if not words:
        return True
    tags = pairs(entry, "tags")
    texts = [
        entry["info"].get("run_name") or tags.get(NAME_TAG, ""),
        tags.get(NOTE_TAG, ""),
        *pairs(entry, "params").values(),
    ]
    lowered = [each.lower() for each in texts]
    run_id: str = entry["info"]["run_id"]
    return all(run_id.startswith(word) or any(word in each for each in lowered) for word in words)


def value_of(entry: Entry, kind: str, name: str) -> str | None:
    """Return what a run is grouped by; None where it has none."""
    if kind == "experiment":
        return str(entry["info"].get("experiment_id", ""))
    if kind == "attributes":
        found = entry["info"].get(name)
        return None if found is None else str(found)
    return pairs(entry, kind).get(name)


def gather(
    entries: Iterable[Entry],
    query: GroupQuery,
    kind: str,
    name: str,
    experiments: Mapping[str, str],
) -> RunGroups:
    """Return runs in groups, the largest first."""
    found: dict[str | None, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[value_of(entry, kind, name)].append(entry)
    ordered = sorted(found.items(), key=lambda each: (-len(each[1]), str(each[0] or "")))
    items = [
        RunGroup(
            key=query.by,
            value=value,
            label=experiments.get(value or "", value or "")
            if kind == "experiment"
            else value or "",
            count=len(members),
            filter=said(kind, name, value),
            experiment=value if kind == "experiment" else None,
            metrics={each: spread(members, key_of(each)) for each in query.metric},
        )
        for value, members in ordered[: query.limit]
    ]
    return RunGroups(items=items, total=len(ordered))


def spread(entries: Iterable[Entry], key: str) -> MetricRange:
    """Return what a metric is among some runs."""
    values = [numbers(entry).get(key) for entry in entries]
    real = [each for each in values if each is not None and each == each]
    if not real:
        return MetricRange(min=None, max=None, mean=None, count=0)
    return MetricRange(min=min(real), max=max(real), mean=sum(real) / len(real), count=len(real))
