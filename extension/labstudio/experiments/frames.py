"""Curves and comparisons as data frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from labstudio.experiments.curve_models import Curves
    from labstudio.experiments.models import Run

COLUMNS = ["run_id", "name", "metric", "x", "y"]


def of_curves(curves: Curves, names: Mapping[str, str]) -> pd.DataFrame:
    """Return curves as one row for each point; what is not finite is as it was logged."""
    import numpy as np
    import pandas as pd

    parts = []
    for curve in curves.series:
        y = np.array(curve.y, dtype=float)
        y[curve.inf], y[curve.neg_inf] = np.inf, -np.inf
        values: list[Any] = [curve.run_id, names[curve.run_id], curve.metric, curve.x, y]
        parts.append(pd.DataFrame(dict(zip(COLUMNS, values, strict=True))))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def of_runs(runs: Sequence[Run]) -> pd.DataFrame:
    """Return runs as rows: what they are, then parameters, metrics and tags by name."""
    import pandas as pd

    rows = [
        {
            "run_id": run.id,
            "name": run.name,
            "experiment": run.experiment,
            "status": run.status,
            "started_at": run.started_at,
            "duration_s": run.duration_s,
            **{f"params.{key}": value for key, value in run.params.items()},
            **{f"metrics.{key}": value for key, value in run.metrics.items()},
            **{f"tags.{key}": value for key, value in run.tags.items()},
        }
        for run in runs
    ]
    found = pd.DataFrame(rows)
    for column in found.filter(regex=r"^params\."):
        # Parameters are texts; where all are numbers they are meant as such.
        found[column] = numbers(found[column])
    return found.set_index("run_id") if rows else found


def numbers(column: Any) -> Any:
    """Return a column as numbers where all of it is, else as it was."""
    import pandas as pd

    try:
        return pd.to_numeric(column)
    except (ValueError, TypeError):
        return column
