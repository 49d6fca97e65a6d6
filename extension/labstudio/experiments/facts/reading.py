"""MLflow's JSON about data, read: what its clients write and what the studio writes."""

from __future__ import annotations

import json
from typing import Any

from labstudio.experiments.run_models import DatasetUse

CONTEXT_TAG = "mlflow.data.context"
# Where clients of MLflow say how long the data is, in the order of preference.
ROWS = ("rows", "num_rows", "num_elements")
COLUMNS = ("columns", "num_columns")


def dataset_use(
    name: str,
    digest: str,
    source_type: str,
    source: str | None,
    schema: str | None,
    profile: str | None,
    context: str | None,
) -> DatasetUse:
    """Return a dataset as the studio shows it; what is not said there is None."""
    facts, place, fields = (parsed(text) for text in (profile, source, schema))
    uri = next((place[key] for key in ("uri", "path", "url") if place.get(key)), None)
    sha256 = facts.get("sha256")
    typed = types(fields)
    columns = number(facts, COLUMNS)
    return DatasetUse(
        name=name,
        digest=digest,
        context=context,
        source_type=source_type,
        uri=str(uri) if uri else None,
        sha256=sha256 if isinstance(sha256, str) else None,
        rows=number(facts, ROWS),
        columns=len(typed) if columns is None and typed else columns,
        schema_=typed,
    )


def parsed(text: str | None) -> dict[str, Any]:
    """Return the JSON object of a text; empty where it is none, as MLflow lets clients write it."""
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def number(facts: dict[str, Any], keys: tuple[str, ...]) -> int | None:
    """Return the first of these facts that is a whole number."""
    return next((facts[key] for key in keys if isinstance(facts.get(key), int)), None)


def types(fields: dict[str, Any]) -> dict[str, str] | None:
    """Return the columns' types by name, from MLflow's column schema or a plain object."""
    listed = fields.get("mlflow_colspec")
    if isinstance(listed, list):
        named = {
            str(each.get("name", place)): str(each.get("type", ""))
            for place, each in enumerate(listed)
            if isinstance(each, dict)
        }
        return named or None
    plain = {key: value for key, value in fields.items() if isinstance(value, str)}
    return plain or None
