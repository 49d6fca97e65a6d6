"""Metric curves."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from labstudio.charts.look import colour, faint, figure, label, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import plotly.graph_objects as go

    from labstudio._studio import Studio
    from labstudio.experiments.curve_models import Band, Curve, Curves
    from labstudio.experiments.models import Run

SEED = re.compile(r"(^|[._-])(seed|random_state|random_seed|rng)$", re.IGNORECASE)
LOWER = re.compile(r"loss|err|mse|mae|mape|perplexity|nll|time|duration|latency|bytes", re.I)
# How many points a whole curve has by which weights of smoothing are meant.
NOMINAL = 1000


def curves(
    runs: Sequence[str],
    metric: str,
    *,
    x: str = "step",
    smoothing: float = 0.0,
    best: bool = False,
    bands: bool = False,
    log_x: bool = False,
    log_y: bool = False,
    points: int = 1000,
    studio: Studio | None = None,
) -> go.Figure:
    """Draw a metric of runs.

    Parameters
    ----------
    runs
        Their ids.
    metric
        Its name.
    x
        ``step``, ``time`` (seconds since the run began), or a metric such as ``metrics.epoch``.
    smoothing
        0 to 0.999: how much of the moving average stays at each thousandth of the curve.
    best
        Draw the best value so far; less is better where the metric's name says so.
    bands
        Draw runs that differ only in their seed as one band, from lowest to highest.
    log_x, log_y
        Logarithmic axes.
    points
        The most points of a curve; extremes are kept.
    studio
        Where the runs are; the default studio when left out.
    """
    here = opened(studio)
    rows = {run.id: run for run in here.runs.get(runs)}
    seeds = sorted({key for run in rows.values() for key in run.params if SEED.search(key)})
    told = here.runs.curves(
        _query(run=list(runs), metric=[metric], x=x, points=points, group=seeds if bands else [])
    )
    dress = {"smoothing": smoothing, "lower": bool(LOWER.search(metric)), "best": best}
    return figure(
        _traces(told, rows, dress),
        xaxis={"title": x, "type": "log" if log_x else "linear"},
        yaxis={"title": metric, "type": "log" if log_y else "linear"},
    )


def _query(**fields: Any) -> Any:
    from labstudio.experiments.curve_models import CurvesQuery
    from labstudio.inputs import validated

    return validated(CurvesQuery, fields)


def _traces(told: Curves, rows: dict[str, Run], dress: dict[str, Any]) -> Iterator[Any]:
    for place, curve in enumerate(told.series):
        yield _line(curve, label(rows[curve.run_id]), colour(place), dress)
    for place, band in enumerate(told.bands):
        yield from _band(band, rows, colour(place), dress)


def _line(curve: Curve, name: str, shade: str, dress: dict[str, Any]) -> Any:
    import plotly.graph_objects as go

    y = dressed(curve.x, curve.y, **dress)
    return go.Scatter(x=curve.x, y=y, name=name, mode="lines", line={"color": shade, "width": 1.5})


def _band(band: Band, rows: dict[str, Run], shade: str, dress: dict[str, Any]) -> Iterator[Any]:
    import plotly.graph_objects as go

    told = ", ".join(f"{key}={value}" for key, value in band.group.items())
    name = told or label(rows[band.runs[0]])
    low, mid, high = (dressed(band.x, each, **dress) for each in (band.low, band.mid, band.high))
    hidden = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    group = {"legendgroup": name}
    yield go.Scatter(x=band.x, y=high, **hidden, **group)
    yield go.Scatter(
        x=band.x, y=low, fill="tonexty", fillcolor=faint(shade, 0.2), **hidden, **group
    )
    title = f"{name} ({len(band.runs)} runs)"
    yield go.Scatter(
        x=band.x, y=mid, name=title, mode="lines", line={"color": shade, "width": 1.5}, **group
    )


def dressed(
    x: Sequence[float],
    y: Sequence[float | None],
    *,
    smoothing: float,
    lower: bool,
    best: bool,
) -> list[float | None]:
    """Return a curve's values, the best so far or smoothed."""
    values = [math.nan if each is None else each for each in y]
    if best:
        values = so_far(values, lower=lower)
    if smoothing > 0:
        values = smoothed(x, values, min(smoothing, 0.9999))
    return [None if math.isnan(each) else each for each in values]


def so_far(values: Sequence[float], *, lower: bool) -> list[float]:
    """Return the best value up to each place."""
    best, found = math.nan, []
    for value in values:
        if not math.isnan(value) and (math.isnan(best) or (value < best) is lower):
            best = value
        found.append(best)
    return found


def smoothed(x: Sequence[float], values: Sequence[float], weight: float) -> list[float]:
    """Return the exponential moving average, without the pull to zero at its beginning.

    The weight is of one point of a short curve, and of a thousandth of a long one's length, so that
    a thinned curve is as smooth as a whole one.
    """
    whole = len(x) > 1 and x[-1] > x[0]
    unit = (x[-1] - x[0]) / min(NOMINAL, len(x) - 1) if whole else 1.0
    total = mass = 0.0
    found = []
    for place, value in enumerate(values):
        if math.isnan(value):
            found.append(value)
            continue
        fade = 0.0 if place == 0 else weight ** max(0.0, (x[place] - x[place - 1]) / unit)
        share = 1 - weight if place == 0 else 1 - fade
        total, mass = total * fade + value * share, mass * fade + share
        found.append(total / mass if mass > 0 else value)
    return found
