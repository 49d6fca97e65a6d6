"""What runs predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labstudio.charts.look import colour, figure, opened
from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import plotly.graph_objects as go

    from labstudio._studio import Studio
    from labstudio.experiments.evaluation_models import RunPredictions


def roc(
    runs: Sequence[str], *, label: str | None = None, studio: Studio | None = None
) -> go.Figure:
    """Draw true against false positives.

    Parameters
    ----------
    runs
        Their ids; each called `labstudio.log_predictions`.
    label
        The class that counts as positive; every one that there is when left out.
    studio
        Where the runs are; the default studio when left out.

    Raises
    ------
    InvalidInput
        When no run has such a curve, with the reason.
    """
    import plotly.graph_objects as go

    lines: list[Any] = [
        go.Scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line={"color": "#999999", "dash": "dot"},
            showlegend=False,
            hoverinfo="skip",
        )
    ]
    items = _items(runs, studio)
    for item in items:
        for curve in item.roc:
            if label in (None, curve.label):
                name = f"{_named(item, curve.label)}: {curve.auc:.3f}"
                x, y = curve.false_positive_rate, curve.true_positive_rate
                lines.append(_line(x, y, name, len(lines) - 1))
    _check(len(lines) > 1, items, label)
    return figure(
        lines, xaxis={"title": "False positive rate"}, yaxis={"title": "True positive rate"}
    )


def pr(runs: Sequence[str], *, label: str | None = None, studio: Studio | None = None) -> go.Figure:
    """Draw precision against recall; the parameters are those of `roc`."""
    lines: list[Any] = []
    items = _items(runs, studio)
    for item in items:
        for curve in item.pr:
            if label in (None, curve.label):
                name = f"{_named(item, curve.label)}: {curve.average_precision:.3f}"
                lines.append(_line(curve.recall, curve.precision, name, len(lines), shape="hv"))
    _check(bool(lines), items, label)
    return figure(lines, xaxis={"title": "Recall"}, yaxis={"title": "Precision"})


def confusion(runs: Sequence[str], *, studio: Studio | None = None) -> go.Figure:
    """Draw how often each class was taken for each, run beside run.

    Parameters
    ----------
    runs
        Their ids; each called `labstudio.log_predictions`.
    studio
        Where the runs are; the default studio when left out.

    Raises
    ------
    InvalidInput
        When no run has labels that were predicted, with the reason.
    """
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    items = _items(runs, studio)
    found = [(item, item.confusion) for item in items if item.confusion is not None]
    _check(bool(found), items, None)
    titles = [item.name or item.run_id[:8] for item, _ in found]
    made = make_subplots(cols=len(found), subplot_titles=titles)
    for place, (_, matrix) in enumerate(found):
        counts = matrix.counts
        shares = [[each / max(1, sum(row)) for each in row] for row in counts]
        heat = go.Heatmap(
            z=shares,
            x=matrix.labels,
            y=matrix.labels,
            text=counts,
            texttemplate="%{text}",
            colorscale="Blues",
            zmin=0,
            zmax=1,
            showscale=False,
        )
        made.add_trace(heat, row=1, col=place + 1)
    made.update_xaxes(title="predicted", type="category")
    made.update_yaxes(title="true", type="category", autorange="reversed")
    made.update_layout(template="plotly_white")
    return made


def _items(runs: Sequence[str], studio: Studio | None) -> list[RunPredictions]:
    return opened(studio).runs.predictions(runs).items


def _named(item: RunPredictions, label: str) -> str:
    name = item.name or item.run_id[:8]
    return f"{name}, {label}" if len(item.roc) > 1 else name


def _line(
    x: Sequence[float], y: Sequence[float], name: str, place: int, shape: str = "linear"
) -> Any:
    import plotly.graph_objects as go

    line = {"color": colour(place), "shape": shape}
    return go.Scatter(x=x, y=y, name=name, mode="lines", line=line)


def _check(found: bool, items: Sequence[RunPredictions], label: str | None) -> None:
    """Refuse where there is nothing to draw."""
    if found:
        return
    reason = next((item.message for item in items if item.message), None)
    raise InvalidInput(reason or f"No run has a curve of the class {label!r}.", field="runs")
