"""Charts of runs, as plotly figures: what JupyterLab's comparison draws, in a notebook.

Each function takes the ids of runs, reads what they hold now, and returns a figure. Nothing heavy
is imported before one is called.

>>> import labstudio.charts
>>> labstudio.charts.curves(["1f3a", "2b4c"], metric="loss", smoothing=0.6)  # doctest: +SKIP
"""

from __future__ import annotations

from labstudio.charts.lines import curves
from labstudio.charts.params import contour, importance, parallel, scatter
from labstudio.charts.predicted import confusion, pr, roc

__all__ = [
    "confusion",
    "contour",
    "curves",
    "importance",
    "parallel",
    "pr",
    "roc",
    "scatter",
]
