"""Predictions and parameters' importance, beside what scikit-learn says of the same numbers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, average_precision_score, roc_auc_score

import labstudio
from labstudio._studio import Studio
from labstudio.errors import InvalidInput
from labstudio.experiments.evaluation_models import RunPredictions
from labstudio.experiments.predictions import POINTS, columns
from labstudio.experiments.wire import Metric


@pytest.fixture(scope="module")
def logging(tracked: Studio) -> Iterator[str]:
    """MLflow's client, led to the tracking server; the experiment to log into."""
    import mlflow

    from labstudio.experiments.connection import connection

    here = connection(tracked.home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", here.token)
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(here.url)
        yield tracked.tracking.ensure_experiment("evaluation")
        mlflow.set_tracking_uri(before)


def shown(studio: Studio, run: str) -> RunPredictions:
    (told,) = studio.runs.predictions([run]).items
    return told


def test_two_classes_make_one_curve(tracked: Studio, logging: str) -> None:
    data, target = load_breast_cancer(return_X_y=True)
    model = LogisticRegression(max_iter=5000).fit(data[::2, :3], target[::2])
    true, scores = target[1::2], model.predict_proba(data[1::2, :3])
    run = tracked.tracking.create_run(logging, "binary")
    labstudio.log_predictions(true, scores[:, 1] > 0.5, scores, run)
    told = shown(tracked, run)
    (roc,), (pr,) = told.roc, told.pr
    assert (roc.label, told.rows) == ("1", len(true))
    assert roc.auc == pytest.approx(roc_auc_score(true, scores[:, 1]))
    assert pr.average_precision == pytest.approx(average_precision_score(true, scores[:, 1]))
    assert (roc.false_positive_rate[0], roc.true_positive_rate[-1]) == (0, 1)
    assert roc.thresholds[0] is None
    assert len(roc.thresholds) <= POINTS


def test_each_of_three_classes_has_a_curve(tracked: Studio, logging: str) -> None:
    data, target = load_iris(return_X_y=True, as_frame=True)
    names = target.map(dict(enumerate(("setosa", "versicolor", "virginica"))))
    model = LogisticRegression(max_iter=5000).fit(data, names)
    run = tracked.tracking.create_run(logging, "three")
    labstudio.log_predictions(names, model.predict(data), model.predict_proba(data), run)
    told = shown(tracked, run)
    assert [each.label for each in told.roc] == ["setosa", "versicolor", "virginica"]
    assert told.confusion is not None
    counts = np.array(told.confusion.counts)
    assert counts.trace() / counts.sum() == accuracy_score(names, model.predict(data))


def test_what_is_missing_is_said(tracked: Studio, logging: str) -> None:
    run = tracked.tracking.create_run(logging, "none")
    assert "log_predictions" in str(shown(tracked, run).message)
    labstudio.log_predictions(["a", "b"], ["a", "a"], run_id=run)
    told = shown(tracked, run)
    assert told.confusion is not None
    assert (told.roc, told.confusion.counts) == ([], [[1, 0], [1, 0]])
    assert "y_score" in str(told.message)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"y_pred": None, "y_score": None}, "y_pred"),
        ({"y_pred": [1], "y_score": None}, "y_pred"),
        ({"y_pred": None, "y_score": [[0.1, 0.2, 0.7]] * 2}, "classes"),
        ({"y_pred": [[1, 2], [3, 4]], "y_score": None}, "y_pred"),
    ],
)
def test_a_wrong_call_names_the_argument(given: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        columns([0, 1], given["y_pred"], given["y_score"], None)
    assert refused.value.details["field"] == field


def test_the_parameter_that_matters_comes_first(tracked: Studio, logging: str) -> None:
    experiment = tracked.tracking.ensure_experiment("importance")
    rng = np.random.default_rng(0)
    few = tracked.runs.importance("auc", experiment=[experiment])
    assert few.items == []
    assert "At least 10 runs" in str(few.message)
    for number in range(40):
        depth, noise, kind = rng.integers(1, 10), rng.random(), rng.choice(["a", "b"])
        run = tracked.tracking.create_run(experiment, f"{number}")
        params = {"depth": int(depth), "noise": float(noise), "kind": str(kind), "same": 1}
        tracked.tracking.log_params(run, params)
        value = -2.0 * depth + (3.0 if kind == "a" else 0.0)
        tracked.tracking.log_batch(run, [Metric("auc", value, datetime.now(UTC))])
    told = tracked.runs.importance("auc", experiment=[experiment])
    assert [each.param for each in told.items] == ["depth", "kind", "noise"]
    assert sum(each.importance for each in told.items) == pytest.approx(1)
    by_name = {each.param: each for each in told.items}
    assert by_name["depth"].correlation is not None
    assert by_name["depth"].correlation < -0.8
    assert by_name["kind"].correlation is None
    assert told.score is not None
    assert told.score > 0.7
