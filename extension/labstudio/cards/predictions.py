"""What a run's predictions say: measures, a matrix and curves for its model's card.

It is done by hand, with NumPy and Arrow alone: a card is read in Jupyter Server's process, where
pandas and scikit-learn would take seconds to load.
"""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from labstudio.capture.models import PREDICTIONS
from labstudio.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from labstudio.registry.client import RegistryClient

CLASSES = 20
POINTS = 60
SCORE = "y_score"
MEASURED = "Measured on the predictions"


class Seen(NamedTuple):
    """What predictions say."""

    problem: str
    rows: int
    groups: list[dict[str, Any]]
    raw: bytes


def look(client: RegistryClient, run_id: str) -> Seen | None:
    """Read a run's predictions; None when it left none."""
    try:
        raw = client.run_file(run_id, PREDICTIONS)
    except NotFound:
        return None
    from pyarrow import ArrowInvalid, parquet

    try:
        table = parquet.read_table(io.BytesIO(raw))
    except ArrowInvalid:
        return None
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    truth = columns.get("y_true")
    if not truth:
        return None
    scores = [name for name in columns if name.startswith(SCORE)]
    kinds = len(set(truth))
    if not scores and isinstance(truth[0], float) and kinds > CLASSES:
        return Seen("Regression", len(truth), regression(columns), raw)
    problem = "Binary classification" if kinds == 2 else "Multiclass classification"
    return Seen(problem, len(truth), classification(columns, scores), raw)


def regression(columns: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the errors of a regression."""
    import numpy as np

    if "y_pred" not in columns:
        return []
    truth, guess = (np.asarray(columns[name], float) for name in ("y_true", "y_pred"))
    error, spread = truth - guess, truth - truth.mean()
    measures = {"mae": np.abs(error).mean(), "rmse": np.sqrt((error**2).mean())}
    if spread.any():
        measures["r2"] = 1 - (error**2).sum() / (spread**2).sum()
    return [group(MEASURED, [number(*each) for each in measures.items()])]


def classification(
    columns: Mapping[str, Sequence[Any]], scores: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the measures, the confusion matrix and, of two classes, the curves."""
    truth = [str(each) for each in columns["y_true"]]
    measures: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []
    if "y_pred" in columns:
        guess = [str(each) for each in columns["y_pred"]]
        labels = sorted({*truth, *guess})
        counts = Counter(zip(truth, guess, strict=True))
        right = sum(counts[each, each] for each in labels) / len(truth)
        measures += [number("accuracy", right), number("f1 (macro)", macro_f1(counts, labels))]
        if len(labels) <= CLASSES:
            drawn.append(matrix(counts, labels))
    classes = sorted(set(truth))
    if len(scores) == 1 and len(classes) == 2:
        area, pictures = curves([each == classes[1] for each in truth], columns[scores[0]])
        measures.append(number("roc auc", area))
        drawn += pictures
    groups = [group(MEASURED, measures)] if measures else []
    return groups + ([group("Predictions", drawn)] if drawn else [])


def macro_f1(counts: Mapping[tuple[str, str], int], labels: Sequence[str]) -> float:
    """Return the mean of every class's F1, each class as weighty as the other."""
    found = []
    for each in labels:
        hit = counts[each, each]
        claimed = sum(counts[other, each] for other in labels)
        there = sum(counts[each, other] for other in labels)
        found.append(2 * hit / (claimed + there) if claimed + there else 0.0)
    return sum(found) / len(found)


def matrix(counts: Mapping[tuple[str, str], int], labels: Sequence[str]) -> dict[str, Any]:
    """Return the confusion matrix, a row for each true class."""
    return {
        "name": "Confusion matrix",
        "type": "matrix",
        "value": [[counts[true, guess] for guess in labels] for true in labels],
        "x_axis_name": [f"predicted {label}"[:63] for label in labels],
        "y_axis_name": [f"true {label}"[:63] for label in labels],
    }


def curves(positive: Sequence[bool], scores: Sequence[Any]) -> tuple[float, list[dict[str, Any]]]:
    """Return the area under the ROC curve, that curve, and the one of precision and recall."""
    import numpy as np

    score, truth = np.asarray(scores, float), np.asarray(positive, float)
    order = np.argsort(-score, kind="stable")
    # A threshold stands after the last of equal scores.
    ends = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    hits, alarms = np.cumsum(truth[order])[ends], np.cumsum(1 - truth[order])[ends]
    recall = np.append(0, hits / hits[-1])
    false = np.append(0, alarms / alarms[-1])
    precision = np.append(1, hits / (hits + alarms))
    area = float(np.sum(np.diff(false) * (recall[1:] + recall[:-1]) / 2))
    return area, [
        curve("ROC curve", false, recall, "false positive rate", "true positive rate"),
        curve("Precision and recall", recall, precision, "recall", "precision"),
    ]


def curve(name: str, x: Any, y: Any, x_name: str, y_name: str) -> dict[str, Any]:
    """Return a curve with no more points than a card has room for; its ends are kept."""
    step = max(1, -(-len(x) // POINTS))
    kept = sorted({*range(0, len(x), step), len(x) - 1})
    points = [[round(float(x[at]), 5), round(float(y[at]), 5)] for at in kept]
    return {
        "name": name,
        "type": "linear_graph",
        "value": points,
        "x_axis_name": x_name,
        "y_axis_name": y_name,
    }


def number(name: str, value: float, notes: str | None = None) -> dict[str, Any]:
    """Return a simple metric."""
    return {
        "name": name[:255],
        "type": "number",
        "value": float(value),
        **({"notes": notes[:1024]} if notes else {}),
    }


def group(name: str, data: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a group of metrics."""
    return {"name": name[:63], "metric_data": data}
