"""What the reports of clarify say, as they lie among a run's artifacts under ``clarify/``."""

from __future__ import annotations

import json
import math
import posixpath
from typing import TYPE_CHECKING, Any, NamedTuple

from labstudio.cards.predictions import group, number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from labstudio.registry.client import RegistryClient

FOLDER = "clarify"
DEPTH = 3
# A card says the gist; the report itself has the rest.
METRICS, FEATURES, REPORTS = 60, 20, 8
SIZE_LIMIT = 20 * 1024**2


class Report(NamedTuple):
    """One report."""

    path: str
    raw: bytes
    groups: list[dict[str, Any]]


def find(client: RegistryClient, run_id: str) -> list[Report]:
    """Read the reports of a run that say something of bias or of explanations."""
    found = []
    for path in _files(client, run_id, FOLDER, DEPTH):
        raw = client.run_file(run_id, path)
        if groups := read(raw):
            found.append(Report(path, raw, groups))
        if len(found) == REPORTS:
            break
    return found


def read(raw: bytes) -> list[dict[str, Any]]:
    """Return what a report says as groups of metrics; nothing for what is no report."""
    try:
        content = json.loads(raw)
    except ValueError:
        return []
    if not isinstance(content, dict):
        return []
    return [each for each in (*_own(content), *_sagemaker(content)) if each["metric_data"]]


def _own(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of the studio's reports: ``metrics`` of bias by code, ``importance`` by feature."""
    metrics = content.get("metrics")
    if isinstance(metrics, dict):
        told = ", ".join(
            f"{name}: {content[name]}"
            for name in ("facet", "facet_value", "label")
            if isinstance(content.get(name), str | int | float)
        )
        data = [
            number(code, each["value"], interval(each))
            for code, each in metrics.items()
            if isinstance(each, dict) and is_number(each.get("value"))
        ]
        yield group(f"Bias ({told})" if told else "Bias", data[:METRICS])
    yield from _importance(content.get("importance"))


def _sagemaker(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Of SageMaker Clarify's analysis.json."""
    for part, title in (
        ("pre_training_bias_metrics", "Bias before training"),
        ("post_training_bias_metrics", "Bias after training"),
    ):
        facets = (content.get(part) or {}).get("facets") or {}
        for facet, values in facets.items():
            for each in values:
                data = [
                    number(metric["name"], metric["value"], metric.get("description"))
                    for metric in each.get("metrics", [])
                    if is_number(metric.get("value"))
                ]
                yield group(f"{title}: {facet} = {each.get('value_or_threshold')}", data[:METRICS])
    for method in (content.get("explanations") or {}).values():
        for label in method.values() if isinstance(method, dict) else ():
            if isinstance(label, dict):
                yield from _importance(label.get("global_shap_values"))


def _importance(values: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(values, dict):
        return
    known = [(name, float(each)) for name, each in values.items() if is_number(each)]
    known.sort(key=lambda each: -abs(each[1]))
    known = known[:FEATURES]
    if known:
        bars = {
            "name": "Feature importance",
            "type": "bar_chart",
            "value": [value for _, value in known],
            "x_axis_name": [name[:63] for name, _ in known],
            "y_axis_name": "importance",
        }
        yield group("Explanation", [bars])


def interval(each: Mapping[str, Any]) -> str | None:
    """Return what is said beside a value: its interval and the group's size."""
    low, high = each.get("low"), each.get("high")
    between = f"within {low:.4g} to {high:.4g}" if is_number(low) and is_number(high) else ""
    return " ".join(filter(None, [str(each.get("description") or ""), between])) or None


def is_number(value: Any) -> bool:
    """Tell whether a value is a number that JSON can hold."""
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and math.isfinite(value)


def _files(client: RegistryClient, run_id: str, path: str, depth: int) -> Iterator[str]:
    for each in client.run_files(run_id, path):
        if each.get("is_dir"):
            if depth:
                yield from _files(client, run_id, each["path"], depth - 1)
        elif posixpath.splitext(each["path"])[1] == ".json" and size(each) <= SIZE_LIMIT:
            yield each["path"]


def size(artifact: Mapping[str, Any]) -> int:
    """Return an artifact's bytes."""
    return int(artifact.get("file_size") or 0)
