"""Parameters and what comes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labstudio.charts.look import COLOURS, figure, label, named, opened, value
from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from labstudio._studio import Studio

SCALE = "Viridis"


def parallel(
    runs: Sequence[str],
    metric: str,
    *,
    params: Sequence[str] | None = None,
    studio: Studio | None = None,
) -> go.Figure:
    """Draw runs as lines across their parameters to a metric.

    Parameters
    ----------
    runs
        Their ids.
    metric
        Its name; the lines are coloured by it.
    params
        Names; those that differ when left out.
    studio
        Where the runs are; the default studio when left out.
    """
    import plotly.graph_objects as go

    rows = opened(studio).runs.get(runs)
    rows = [run for run in rows if run.metrics.get(metric) is not None]
    names = sorted({key for run in rows for key in run.params}) if params is None else list(params)
    if params is None:
        names = [name for name in names if len({run.params.get(name) for run in rows}) > 1]
    axes = [_axis(name, [value(run, f"params.{name}") for run in rows]) for name in names]
    heights = [run.metrics[metric] for run in rows]
    line = {"color": heights, "colorscale": SCALE, "showscale": True}
    dimensions = [*axes, {"label": metric, "values": heights}]
    return figure([go.Parcoords(line=line, dimensions=dimensions)], height=420)


def _axis(name: str, given: Sequence[str | float | None]) -> dict[str, Any]:
    """Return an axis of numbers, or of the values' places where some are no numbers."""
    if all(isinstance(each, float) for each in given):
        return {"label": name, "values": list(given)}
    kinds = sorted({str(each) for each in given})
    places = [kinds.index(str(each)) for each in given]
    return {"label": name, "values": places, "tickvals": list(range(len(kinds))), "ticktext": kinds}


def scatter(runs: Sequence[str], x: str, y: str, *, studio: Studio | None = None) -> go.Figure:
    """Draw runs as points.

    Parameters
    ----------
    runs
        Their ids.
    x, y
        Such as ``params.depth`` or ``metrics.auc``.
    studio
        Where the runs are; the default studio when left out.
    """
    import plotly.graph_objects as go

    rows = opened(studio).runs.get(runs)
    across, up = named(x, "params"), named(y, "metrics")
    points = go.Scatter(
        x=[value(run, across) for run in rows],
        y=[value(run, up) for run in rows],
        text=[label(run) for run in rows],
        mode="markers",
        marker={"color": COLOURS[0], "size": 8},
    )
    title = [each.partition(".")[2] for each in (across, up)]
    return figure([points], xaxis={"title": title[0]}, yaxis={"title": title[1]})


def contour(
    runs: Sequence[str], x: str, y: str, metric: str, *, studio: Studio | None = None
) -> go.Figure:
    """Draw a metric over two parameters.

    Parameters
    ----------
    runs
        Their ids.
    x, y
        Names of parameters that are numbers.
    metric
        The metric's name.
    studio
        Where the runs are; the default studio when left out.

    Raises
    ------
    InvalidInput
        When no run has both parameters as numbers, and the metric.
    """
    import plotly.graph_objects as go

    found = []
    for run in opened(studio).runs.get(runs):
        point = [value(run, named(x, "params")), value(run, named(y, "params"))]
        height = run.metrics.get(metric)
        if all(isinstance(each, float) for each in point) and height is not None:
            found.append((*point, height, label(run)))
    if not found:
        raise InvalidInput(
            f"No run has {x} and {y} as numbers, and the metric {metric!r}.", field="runs"
        )
    across, up, heights, names = (list(each) for each in zip(*found, strict=True))
    bar = {"title": metric}
    surface = go.Contour(
        x=across, y=up, z=heights, colorscale=SCALE, colorbar=bar, connectgaps=True
    )
    points = go.Scatter(
        x=across,
        y=up,
        text=names,
        mode="markers",
        marker={"color": "white", "size": 7, "line": {"color": "#444444", "width": 1}},
        showlegend=False,
    )
    return figure([surface, points], xaxis={"title": x}, yaxis={"title": y})


def importance(runs: Sequence[str], metric: str, *, studio: Studio | None = None) -> go.Figure:
    """Draw how much each parameter tells of a metric.

    Parameters
    ----------
    runs
        Their ids; ten at least.
    metric
        Its name.
    studio
        Where the runs are; the default studio when left out.

    Raises
    ------
    InvalidInput
        When there is nothing to say, with the reason.
    """
    import plotly.graph_objects as go

    told = opened(studio).runs.importance(metric, run=list(runs))
    if told.message:
        raise InvalidInput(told.message, field="runs")
    items = told.items[::-1]
    bars = [
        go.Bar(
            x=[each.importance for each in items],
            y=[each.param for each in items],
            name="importance",
            orientation="h",
            marker={"color": COLOURS[0]},
        ),
        go.Bar(
            x=[each.correlation for each in items],
            y=[each.param for each in items],
            name="rank correlation",
            orientation="h",
            marker={"color": COLOURS[4]},
        ),
    ]
    return figure(bars, barmode="group", xaxis={"title": f"on {metric}"})
