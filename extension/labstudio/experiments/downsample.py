"""Fewer points of a curve that looks the same, on arrays: hundreds of thousands at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray


def keep(values: NDArray[Any], limit: int) -> NDArray[Any]:
    """Return the places of at most `limit` values that a curve is drawn by, in order.

    The first and the last stay. What lies between is cut into pieces of equal count; of each piece
    the lowest and the highest finite value stay, and the first that is not finite, so that neither
    a spike nor a hole is lost.

    Parameters
    ----------
    values
        In the order in which they are drawn.
    limit
        At least 5.
    """
    import numpy as np

    count = len(values)
    if count <= limit:
        return np.arange(count)
    inner = np.asarray(values[1:-1], dtype=float)
    finite = np.isfinite(inner)
    whole = bool(finite.all())
    pieces = max(1, (limit - 2) // (2 if whole else 3))
    width = -(-len(inner) // pieces)
    starts = np.arange(0, len(inner), width)
    room = len(starts) * width

    def first_of(scores: NDArray[Any]) -> NDArray[Any]:
        """Return the place of the lowest score of each piece."""
        padded = np.full(room, np.inf)
        padded[: len(scores)] = scores
        places: NDArray[Any] = starts + padded.reshape(-1, width).argmin(axis=1)
        return places

    found = [
        first_of(np.where(finite, inner, np.inf)),
        first_of(np.where(finite, -inner, np.inf)),
    ]
    if not whole:
        holes = first_of(np.where(finite, 1.0, 0.0))
        found.append(holes[~finite[holes]])
    kept = np.unique(np.concatenate(found))
    return np.concatenate(([0], kept[kept < len(inner)] + 1, [count - 1]))
