"""What the figures have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import plotly.graph_objects as go

    from labstudio._studio import Studio
    from labstudio.experiments.models import Run

# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#B8A800")


def opened(studio: Studio | None) -> Studio:
    """Return the studio given, or the default one."""
    import labstudio

    return studio or labstudio.studio()


def colour(place: int) -> str:
    """Return the colour of a run, by its place."""
    return COLOURS[place % len(COLOURS)]


def faint(hexadecimal: str, opacity: float) -> str:
    """Return a colour that lets what is behind it through."""
    red, green, blue = (int(hexadecimal[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def figure(traces: Iterable[Any], **layout: Any) -> go.Figure:
    """Return a figure of traces."""
    import plotly.graph_objects as go

    made = go.Figure(list(traces))
    made.update_layout(template="plotly_white", margin={"t": 40, "r": 20}, **layout)
    return made


def label(run: Run) -> str:
    """Return how a run is named in a chart."""
    return run.name or run.id[:8]


def value(run: Run, key: str) -> str | float | None:
    """Return a run's ``params.NAME`` or ``metrics.NAME``, a number where it is one."""
    kind, _, name = key.partition(".")
    if kind == "metrics":
        return run.metrics.get(name)
    given = run.params.get(name)
    try:
        return given if given is None else float(given)
    except ValueError:
        return given


def named(key: str, kind: str) -> str:
    """Return a key with its kind before it, where it has none."""
    return key if key.startswith(("params.", "metrics.")) else f"{kind}.{key}"
