"""Metric curves of many runs, thinned on the way out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput
from labstudio.experiments.bands import band, grouped
from labstudio.experiments.curve_models import Band, Curve, Curves, CurvesQuery
from labstudio.experiments.downsample import keep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from labstudio.experiments.facts.source import Histories, History, RunFacts
    from labstudio.experiments.models import Run

STEP, TIME = "step", "time"
METRIC = "metrics."


def curves(query: CurvesQuery, runs: Sequence[Run], facts: RunFacts) -> Curves:
    """Return what a query asks for.

    Parameters
    ----------
    query
        Which metrics, how many points, over what.
    runs
        Whose.
    facts
        Where the values are.
    """
    axis = axis_of(query.x)
    metrics = list(dict.fromkeys(query.metric))
    asked = [*metrics, axis] if axis and axis not in metrics else metrics
    window = steps_of(query) if query.x == STEP else (None, None)
    found = facts.histories([run.id for run in runs], asked, *window)
    points = {
        (run.id, metric): points_of(query, run, found, metric)
        for run in runs
        for metric in metrics
        if (run.id, metric) in found
    }
    if query.group:
        return Curves(x=query.x, series=[], bands=bands(query, runs, metrics, points))
    series = [curve(run, metric, x, y, query.points) for (run, metric), (x, y) in points.items()]
    return Curves(x=query.x, series=series, bands=[])


def axis_of(x: str) -> str | None:
    """Return the metric that an axis names; None for steps and time.

    Raises
    ------
    InvalidInput
        When it is neither.
    """
    if x in (STEP, TIME):
        return None
    if not x.startswith(METRIC) or x == METRIC:
        raise InvalidInput(f"x should be step, time or metrics.NAME, not {x[:80]!r}.", field="x")
    return x.removeprefix(METRIC)


def steps_of(query: CurvesQuery) -> tuple[int | None, int | None]:
    """Return the first and the last step of a query's window."""
    first = None if query.from_ is None else math.ceil(query.from_)
    return first, None if query.to is None else math.floor(query.to)


def points_of(query: CurvesQuery, run: Run, found: Histories, metric: str) -> Any:
    """Return x and y of a curve, within the window, in order."""
    import numpy as np

    history = found[run.id, metric]
    if query.x == STEP:
        return history.step, history.value
    if query.x == TIME:
        order = np.argsort(history.at_ms, kind="stable")
        begin = run.started_at.timestamp() * 1000 if run.started_at else history.at_ms[order[0]]
        x, y = (history.at_ms[order] - begin) / 1000, history.value[order]
    else:
        x, y = over(history, found.get((run.id, query.x.removeprefix(METRIC))))
    inside = np.ones(len(x), dtype=bool)
    if query.from_ is not None:
        inside &= x >= query.from_
    if query.to is not None:
        inside &= x <= query.to
    return x[inside], y[inside]


def over(history: History, axis: History | None) -> Any:
    """Return a metric over another: what that one was at the same step, or last before it."""
    import numpy as np

    if axis is None:
        return np.empty(0), np.empty(0)
    place = np.searchsorted(axis.step, history.step, side="right") - 1
    known = place >= 0
    x = axis.value[place[known]]
    finite = np.isfinite(x)
    return x[finite], history.value[known][finite]


def curve(run_id: str, metric: str, x: NDArray[Any], y: NDArray[Any], points: int) -> Curve:
    """Return a curve as it is sent."""
    import numpy as np

    kept = keep(y, points)
    drawn = y[kept]
    return Curve.model_construct(
        run_id=run_id,
        metric=metric,
        x=x[kept].astype(float).tolist(),
        y=numbers(drawn),
        nan=np.flatnonzero(np.isnan(drawn)).tolist(),
        inf=np.flatnonzero(np.isposinf(drawn)).tolist(),
        neg_inf=np.flatnonzero(np.isneginf(drawn)).tolist(),
        total=len(y),
    )


def numbers(values: NDArray[Any]) -> list[float | None]:
    """Return an array as JSON has it: None for what is not finite."""
    import numpy as np

    shown: NDArray[Any] = values
    finite = np.isfinite(values)
    if not finite.all():
        shown = values.astype(object)
        shown[~finite] = None
    listed: list[float | None] = shown.tolist()
    return listed


def bands(
    query: CurvesQuery, runs: Sequence[Run], metrics: Sequence[str], points: dict[Any, Any]
) -> list[Band]:
    """Return a band for each group of runs and each metric."""
    import numpy as np

    groups = grouped({run.id: run.params for run in runs}, query.group)
    drawn = []
    for telling, members in groups:
        for metric in metrics:
            found = {run: points[run, metric] for run in members if (run, metric) in points}
            # Over time or a metric x may turn back; a band needs it in order.
            ordered = []
            for x, y in found.values():
                order = np.argsort(x, kind="stable")
                ordered.append((x[order], y[order]))
            if any(len(x) for x, _ in ordered):
                edges = band([each for each in ordered if len(each[0])], query.points, query.spread)
                drawn.append(
                    Band(
                        metric=metric,
                        group=telling,
                        runs=list(found),
                        x=edges.x.astype(float).tolist(),
                        mid=numbers(edges.mid),
                        low=numbers(edges.low),
                        high=numbers(edges.high),
                        count=edges.runs.tolist(),
                    )
                )
    return drawn
