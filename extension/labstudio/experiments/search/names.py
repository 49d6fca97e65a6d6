"""What keys are called in filters, columns and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

ARCHIVED_TAG = "labstudio.archived"
NOTE_TAG = "mlflow.note.content"
NAME_TAG = "mlflow.runName"
USER_TAG = "mlflow.user"
PARENT_TAG = "mlflow.parentRunId"
SOURCE_TAG = "mlflow.source.name"
JOB_TAG = "labstudio.job_id"
NOTEBOOK_TAG = "labstudio.notebook"
WORKSPACE_TAG = "labstudio.workspace"

ATTRIBUTE_NAMES = (
    "artifact_uri", "end_time", "run_id", "run_name", "start_time", "status", "user_id",
)  # fmt: skip
DATA_NAMES = ("name", "digest", "context")
GROUPED_BY = "params.NAME, tags.NAME, experiment, status or another attribute"

KINDS = {
    **dict.fromkeys(("params", "param", "parameters", "parameter"), "params"),
    **dict.fromkeys(("metrics", "metric"), "metrics"),
    **dict.fromkeys(("tags", "tag"), "tags"),
    **dict.fromkeys(("attributes", "attribute", "attr", "run"), "attributes"),
}


Wanted = dict[str, set[str] | None]


def key_of(metric: str) -> str:
    """Return a metric's own name, of ``metrics.auc`` or ``auc``."""
    return metric.removeprefix("metrics.").strip("`")


def wanted_keys(columns: Iterable[str]) -> Wanted | None:
    """Return the keys of each kind that are wanted, None for all of it; None: everything."""
    named: Wanted = {}
    for column in columns:
        kind, dot, key = column.partition(".")
        kind = KINDS.get(kind, kind)
        keys = named.setdefault(kind, set())
        if not dot:
            named[kind] = None
        elif keys is not None:
            keys.add(key.strip("`"))
    return named or None


def split_key(key: str, field: str) -> tuple[str, str]:
    """Return kind and name of what runs are grouped by.

    Raises
    ------
    InvalidInput
        When they cannot be grouped by it.
    """
    kind, dot, name = key.partition(".")
    name = name.strip("`\"'")
    kind = KINDS.get(kind, "") if dot else ""
    if kind in ("params", "tags") and name:
        return kind, name
    name = name if kind == "attributes" else key
    if name in ("experiment", "experiment_id"):
        return "experiment", name
    if name in ATTRIBUTE_NAMES and name not in ("start_time", "end_time"):
        return "attributes", name
    raise InvalidInput(f"{field} is one of {GROUPED_BY}, not {key[:100]!r}.", field=field)


def said(kind: str, name: str, value: str | None) -> str | None:
    """Return MLflow's filter for a group; None where its language cannot say it."""
    if kind == "experiment" or "`" in name:
        return None
    key = f"{kind}.`{name}`" if kind != "attributes" else f"{kind}.{name}"
    if value is None:
        return f"{key} IS NULL" if kind != "attributes" else None
    if "'" not in value:
        return f"{key} = '{value}'"
    return f'{key} = "{value}"' if '"' not in value else None
