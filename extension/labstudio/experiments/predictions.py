"""Predictions as a run keeps them, and what they show: ROC, precision and recall, confusion."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.capture.models import PREDICTIONS
from labstudio.errors import InvalidInput
from labstudio.experiments.evaluation_models import Confusion, PrCurve, RocCurve, RunPredictions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRUE, PREDICTED, SCORE = "y_true", "y_pred", "y_score"
SCORE_OF = f"{SCORE}_"
# A curve is drawn by so many points; its ends and its shape stay.
POINTS = 400
MOST_LABELS = 100
MOST_CURVES = 20


def log_predictions(
    y_true: Any,
    y_pred: Any = None,
    y_score: Any = None,
    run_id: str | None = None,
    *,
    classes: Sequence[Any] | None = None,
) -> None:
    """Keep what a model predicted, beside what is true, so that runs can be compared by it.

    Parameters
    ----------
    y_true
        The true labels.
    y_pred
        The predicted labels.
    y_score
        Probabilities or decision values: one for each row, of the class that sorts last; or one
        column for each class.
    run_id
        The run; the active one when left out.
    classes
        The classes of the columns of `y_score`; the sorted labels of `y_true` when left out.

    Raises
    ------
    InvalidInput
        When lengths differ, nothing was predicted, or no run is active.

    Examples
    --------
    >>> with studio.run():  # doctest: +SKIP
    ...     labstudio.log_predictions(y_test, model.predict(X_test), model.predict_proba(X_test))
    """
    import pyarrow as pa
    import pyarrow.parquet as pq
    from mlflow import MlflowClient, active_run

    table = pa.table(columns(y_true, y_pred, y_score, classes))
    if run_id is None:
        active = active_run()
        if active is None:
            raise InvalidInput("No run is active; name one by run_id.", field="run_id")
        run_id = str(active.info.run_id)
    folder, _, name = PREDICTIONS.rpartition("/")
    with tempfile.TemporaryDirectory() as beside:
        pq.write_table(table, Path(beside) / name, row_group_size=65_536)
        MlflowClient().log_artifact(run_id, str(Path(beside) / name), folder)


def columns(
    y_true: Any, y_pred: Any, y_score: Any, classes: Sequence[Any] | None
) -> dict[str, Any]:
    """Return the columns that are kept, checked."""
    import numpy as np

    true = flat(TRUE, y_true)
    if y_pred is None and y_score is None:
        raise InvalidInput("Nothing was predicted: give y_pred, y_score or both.", field=PREDICTED)
    found: dict[str, Any] = {TRUE: true}
    if y_pred is not None:
        found[PREDICTED] = flat(PREDICTED, y_pred)
    if y_score is not None:
        named = list(y_score.columns) if hasattr(y_score, "columns") else classes
        scores = np.asarray(y_score, dtype=float)
        if scores.ndim == 2 and scores.shape[1] == 1:
            scores = scores[:, 0]
        if scores.ndim == 1:
            found[SCORE] = scores
        elif scores.ndim == 2:
            labels = list(np.unique(true)) if named is None else list(named)
            if len(labels) != scores.shape[1]:
                raise InvalidInput(
                    f"y_score has {scores.shape[1]} columns for {len(labels)} classes; name the "
                    "classes.",
                    field="classes",
                )
            found |= {SCORE_OF + text(label): scores[:, at] for at, label in enumerate(labels)}
        else:
            raise InvalidInput("y_score has more than two dimensions.", field=SCORE)
    for name, values in found.items():
        if len(values) != len(true):
            field = SCORE if name.startswith(SCORE) else name
            raise InvalidInput(f"{field} has {len(values)} rows, y_true {len(true)}.", field=field)
    return found


def flat(name: str, values: Any) -> NDArray[Any]:
    """Return labels as one row of numbers or texts."""
    import numpy as np

    found = np.asarray(values)
    if found.ndim == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.ndim != 1:
        raise InvalidInput(f"{name} is not one label for each row.", field=name)
    return found.astype(str) if found.dtype.kind in "OSU" else found


def text(label: Any) -> str:
    """Return a label as it is shown: whole numbers without a fraction."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def shown(run_id: str, name: str, file: Path | None) -> RunPredictions:
    """Return what a run's predictions show.

    Receiver operating characteristic as in Fawcett, "An introduction to ROC analysis", Pattern
    Recognition Letters 27 (2006); precision and recall, and the average precision as the sum of
    precision weighted by the gain in recall, as in Davis and Goadrich, "The relationship between
    Precision-Recall and ROC curves", ICML 2006. Both as scikit-learn computes them. Of more than
    two classes each is drawn against all others.

    Parameters
    ----------
    run_id, name
        Whose.
    file
        What `log_predictions` wrote; None when it was not called.
    """
    answer = RunPredictions(
        run_id=run_id, name=name, rows=0, roc=[], pr=[], confusion=None, message=None
    )
    if file is None:
        answer.message = "This run logged no predictions; call labstudio.log_predictions in it."
        return answer
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(file)
        given = {each: table.column(each).to_numpy() for each in table.column_names}
        true = given[TRUE]
    except (pa.ArrowException, KeyError, OSError) as error:
        answer.message = f"The predictions cannot be read: {type(error).__name__}."
        return answer
    answer.rows = len(true)
    return of_labels(answer, true, given)


def of_labels(
    answer: RunPredictions, true: NDArray[Any], given: dict[str, NDArray[Any]]
) -> RunPredictions:
    """Fill in what labels and scores show."""
    import numpy as np

    truth = texts(true)
    labels = np.unique(truth)
    if len(labels) > MOST_LABELS or len(labels) < 2:
        several = "only one label" if len(labels) < 2 else f"{len(labels)} different labels"
        answer.message = f"y_true has {several}: there is no curve or confusion to draw."
        return answer
    scores = {
        column.removeprefix(SCORE_OF): values
        for column, values in given.items()
        if column.startswith(SCORE_OF)
    }
    if SCORE in given and len(labels) == 2:
        scores = {str(labels[1]): given[SCORE]}
    elif len(scores) == 2 and len(labels) == 2 and str(labels[1]) in scores:
        # Of two classes one curve says all.
        scores = {str(labels[1]): scores[str(labels[1])]}
    for label in list(scores)[:MOST_CURVES]:
        positive = truth == label
        if 0 < positive.sum() < len(positive):
            answer.roc.append(roc(label, positive, scores[label]))
            answer.pr.append(pr(label, positive, scores[label]))
    if len(scores) > MOST_CURVES:
        answer.message = f"Of {len(scores)} classes the first {MOST_CURVES} are drawn."
    elif not scores:
        answer.message = "Without scores there is no ROC curve: give y_score to log_predictions."
    said = texts(given[PREDICTED]) if PREDICTED in given else likeliest(given, labels)
    if said is not None:
        answer.confusion = confusion(truth, said)
    return answer


def texts(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels as they are shown."""
    import numpy as np

    kinds, places = np.unique(
        labels.astype(str) if labels.dtype == object else labels, return_inverse=True
    )
    return np.array([text(each) for each in kinds.tolist()], dtype=str)[places]


def likeliest(given: dict[str, NDArray[Any]], labels: NDArray[Any]) -> NDArray[Any] | None:
    """Return the labels that scores speak for; None where they do not say."""
    import numpy as np

    classes = [column for column in given if column.startswith(SCORE_OF)]
    if not classes:
        return None
    best = np.argmax(np.stack([given[each] for each in classes]), axis=0)
    likely: NDArray[Any] = np.array([each.removeprefix(SCORE_OF) for each in classes])[best]
    return likely


def roc(label: str, positive: NDArray[Any], score: NDArray[Any]) -> RocCurve:
    """Return a ROC curve, thinned."""
    from sklearn.metrics import auc, roc_curve

    false_rate, true_rate, thresholds = roc_curve(positive, score)
    at = thinned(len(false_rate))
    return RocCurve(
        label=label,
        false_positive_rate=false_rate[at].tolist(),
        true_positive_rate=true_rate[at].tolist(),
        thresholds=finite(thresholds[at]),
        auc=float(auc(false_rate, true_rate)),
    )


def pr(label: str, positive: NDArray[Any], score: NDArray[Any]) -> PrCurve:
    """Return a curve of precision against recall, thinned."""
    import numpy as np
    from sklearn.metrics import average_precision_score, precision_recall_curve

    precision, recall, thresholds = precision_recall_curve(positive, score, drop_intermediate=True)
    at = thinned(len(recall))
    return PrCurve(
        label=label,
        recall=recall[at].tolist(),
        precision=precision[at].tolist(),
        thresholds=finite(np.append(thresholds, np.inf)[at]),
        average_precision=float(average_precision_score(positive, score)),
    )


def confusion(true: NDArray[Any], said: NDArray[Any]) -> Confusion | None:
    """Return how often each label was taken for each; None where there are too many."""
    import numpy as np
    from sklearn.metrics import confusion_matrix

    labels = np.unique(np.concatenate((true, said)))
    if len(labels) > MOST_LABELS:
        return None
    counts = confusion_matrix(true, said, labels=labels)
    return Confusion(labels=labels.tolist(), counts=counts.tolist())


def thinned(count: int) -> NDArray[Any]:
    """Return at most `POINTS` places, evenly, the ends among them."""
    import numpy as np

    return np.unique(np.linspace(0, count - 1, min(count, POINTS)).round().astype(int))


def finite(values: NDArray[Any]) -> list[float | None]:
    """Return thresholds as JSON has them."""
    import numpy as np

    return [float(each) if np.isfinite(each) else None for each in values]
