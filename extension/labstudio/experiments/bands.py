"""One band for runs that differ only in their seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from labstudio.experiments.curve_models import Spread


class BandValues(NamedTuple):
    """A band's edges; NaN where no run has a value."""

    x: NDArray[Any]
    mid: NDArray[Any]
    low: NDArray[Any]
    high: NDArray[Any]
    runs: NDArray[Any]
    """How many have a value there."""


def grouped(
    params: Mapping[str, Mapping[str, str]], free: Sequence[str]
) -> list[tuple[dict[str, str], list[str]]]:
    """Return the runs that agree in all parameters but the free ones, in the order given.

    Parameters
    ----------
    params
        Each run's parameters.
    free
        Parameters that may differ within a group.

    Returns
    -------
    list
        For each group the parameters that tell it from the others, and its runs.
    """
    held = {
        run: {key: value for key, value in given.items() if key not in free}
        for run, given in params.items()
    }
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for run, given in held.items():
        groups.setdefault(tuple(sorted(given.items())), []).append(run)
    keys = {key for group in groups for key, _ in group}
    telling = {key for key in keys if len({dict(group).get(key) for group in groups}) > 1}
    return [
        ({key: value for key, value in group if key in telling}, runs)
        for group, runs in groups.items()
    ]


def band(
    curves: Sequence[tuple[NDArray[Any], NDArray[Any]]], points: int, spread: Spread
) -> BandValues:
    """Return the band of several curves.

    Where curves have no value at the same x, the line between their neighbours counts. A curve
    counts nowhere before its first and after its last value.

    Parameters
    ----------
    curves
        x and y of each; x ascending.
    points
        The most points of the band.
    spread
        What it spans.
    """
    import numpy as np

    xs = np.unique(np.concatenate([x for x, _ in curves]))
    table = np.full((len(curves), len(xs)), np.nan)
    for row, (x, y) in zip(table, curves, strict=True):
        # Of several values at one x the last counts, as MLflow's newest does.
        at = np.flatnonzero(np.append(np.diff(x) > 0, True))
        own_x, own_y = x[at], y[at]
        finite = np.isfinite(own_y)
        if finite.any():
            row[:] = np.interp(xs, own_x[finite], own_y[finite], left=np.nan, right=np.nan)
    seen = ~np.isnan(table).all(axis=0)
    return _thinned(xs[seen], _edges(table[:, seen], spread), points)


def _edges(table: NDArray[Any], spread: Spread) -> list[NDArray[Any]]:
    """Return middle, low and high edge, and how many runs have a value, of each column."""
    import numpy as np

    count = (~np.isnan(table)).sum(axis=0)
    if spread == "quantiles":
        low, mid, high = np.nanquantile(table, [0.25, 0.5, 0.75], axis=0)
        return [mid, low, high, count]
    mid = np.nanmean(table, axis=0)
    if spread == "deviation":
        deviation = np.nanstd(table, axis=0)
        return [mid, mid - deviation, mid + deviation, count]
    return [mid, np.nanmin(table, axis=0), np.nanmax(table, axis=0), count]


def _thinned(xs: NDArray[Any], edges: list[NDArray[Any]], points: int) -> BandValues:
    """Join neighbours where there are too many: the band spans what each of them spans."""
    import numpy as np

    mid, low, high, count = edges
    if len(xs) <= points:
        return BandValues(xs, mid, low, high, count)
    starts = np.arange(0, len(xs), -(-len(xs) // points))
    sizes = np.diff(np.append(starts, len(xs)))
    x = np.add.reduceat(xs, starts) / sizes
    x[0], x[-1] = xs[0], xs[-1]
    return BandValues(
        x,
        np.add.reduceat(mid, starts) / sizes,
        np.minimum.reduceat(low, starts),
        np.maximum.reduceat(high, starts),
        np.maximum.reduceat(count, starts),
    )
