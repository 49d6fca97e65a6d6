"""Which parameters a metric depends on most."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from labstudio.experiments.evaluation_models import Importance, ParamImportance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from labstudio.experiments.models import Run

FEWEST_RUNS = 10
MOST_RUNS = 2000
MOST_CATEGORIES = 20
TREES = 100


class Feature(NamedTuple):
    """A parameter as a forest sees it."""

    name: str
    columns: NDArray[Any]
    """One column of numbers, or one of zeros and ones for each of its values."""
    numeric: bool


def importance(metric: str, runs: Iterable[Run]) -> Importance:
    """Weigh parameters by how much they tell of a metric.

    A random forest (Breiman, "Random Forests", Machine Learning 45, 2001) learns the metric from
    the parameters; a parameter's importance is the share of the variance that its splits take away,
    those of all its values together when it is no number. `score` is the forest's R² on the runs
    that each tree was not shown. Spearman's rank correlation says the direction.

    Parameters
    ----------
    metric
        Its last value counts.
    runs
        Newest first; of many the newest are taken.
    """
    import numpy as np

    chosen = [run for run in runs if usable(run.metrics.get(metric))][:MOST_RUNS]
    told = Importance(metric=metric, items=[], runs=len(chosen), score=None, message=None)
    if len(chosen) < FEWEST_RUNS:
        told.message = (
            f"At least {FEWEST_RUNS} runs with the metric {metric!r} are needed to weigh "
            f"parameters; there {'is' if len(chosen) == 1 else 'are'} {len(chosen)}."
        )
        return told
    values = np.array([run.metrics[metric] for run in chosen], dtype=float)
    features = features_of([run.params for run in chosen])
    if np.ptp(values) == 0:
        told.message = f"The metric {metric!r} is the same in all of these runs."
    elif not features:
        told.message = "No parameter differs between these runs."
    else:
        shares, told.score = weigh(features, values)
        told.items = [
            ParamImportance(
                param=feature.name,
                importance=share,
                correlation=correlation(feature, values),
            )
            for feature, share in zip(features, shares, strict=True)
        ]
        told.items.sort(key=lambda each: -each.importance)
    return told


def usable(value: float | None) -> bool:
    """Tell whether a metric's value can be learnt from."""
    return value is not None and math.isfinite(value) and abs(value) < 1e300


def features_of(params: Sequence[Mapping[str, str]]) -> list[Feature]:
    """Return the parameters that differ between runs."""
    names = sorted({name for given in params for name in given})
    found = (feature(name, [given.get(name) for given in params]) for name in names)
    return [each for each in found if each is not None]


def feature(name: str, given: Sequence[str | None]) -> Feature | None:
    """Return a parameter; None where it does not differ."""
    import numpy as np

    if len(set(given)) < 2:
        return None
    numbers = [number(value) for value in given]
    if all(value is not None for value in numbers):
        # A forest of scikit-learn can split by NaN: what is missing stands there.
        column = np.array(numbers, dtype=float).reshape(-1, 1)
        return Feature(name, column, numeric=True) if len(np.unique(column)) > 1 else None
    kinds, counts = np.unique([value or "" for value in given], return_counts=True)
    common = kinds[np.argsort(-counts, kind="stable")][:MOST_CATEGORIES]
    texts = np.array([value or "" for value in given])
    return Feature(name, (texts[:, None] == common[None, :]).astype(float), numeric=False)


def number(value: str | None) -> float | None:
    """Return a parameter as a number, NaN where a run has none; None where it is no number."""
    if value is None:
        return math.nan
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def weigh(features: Sequence[Feature], values: NDArray[Any]) -> tuple[list[float], float | None]:
    """Return each parameter's share, and how much the forest explains."""
    import warnings

    import numpy as np
    from sklearn.ensemble import RandomForestRegressor

    table = np.hstack([each.columns for each in features]).astype(np.float32)
    forest = RandomForestRegressor(
        n_estimators=TREES, min_samples_leaf=2, oob_score=True, random_state=0
    )
    with warnings.catch_warnings():
        # With few runs some were shown to every tree; the score is of the others.
        warnings.filterwarnings("ignore", message="Some inputs do not have OOB scores")
        forest.fit(table, values)
    ends = np.cumsum([each.columns.shape[1] for each in features])
    parts = np.split(forest.feature_importances_, ends[:-1])
    score = float(forest.oob_score_)
    return [float(part.sum()) for part in parts], score if math.isfinite(score) else None


def correlation(feature: Feature, values: NDArray[Any]) -> float | None:
    """Return Spearman's correlation of a parameter that is a number; None where there is none."""
    import numpy as np
    from scipy.stats import spearmanr

    if not feature.numeric:
        return None
    column = feature.columns[:, 0]
    known = np.isfinite(column)
    if known.sum() < 3 or np.ptp(column[known]) == 0 or np.ptp(values[known]) == 0:
        return None
    found = float(spearmanr(column[known], values[known]).statistic)
    return found if math.isfinite(found) else None
