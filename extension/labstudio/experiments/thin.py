"""Fewer points of a curve that looks the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio.jobs.left import MetricPoint


def thin(points: Sequence[MetricPoint], limit: int) -> list[MetricPoint]:
    """Return at most `limit` points, the first, the last, the lowest and the highest among them.

    The sequence is cut into pieces of equal count, and of each piece the lowest and the highest
    point stay, so that no spike is lost. Points without a value stay where they are alone.

    Parameters
    ----------
    points
        In the order in which they are drawn.
    limit
        At least 4.
    """
    if len(points) <= limit:
        return list(points)
    pieces = max(1, (limit - 2) // 2)
    kept = {0, len(points) - 1}
    inner = len(points) - 2
    for piece in range(pieces):
        begin = 1 + piece * inner // pieces
        end = 1 + (piece + 1) * inner // pieces
        kept |= extremes(points, range(begin, end))
    return [points[index] for index in sorted(kept)]


def extremes(points: Sequence[MetricPoint], indices: range) -> set[int]:
    """Return the indices of the lowest and the highest of some points."""
    valued = [(value, index) for index in indices if (value := points[index].value) is not None]
    if not valued:
        return {indices.start} if indices else set()
    return {min(valued)[1], max(valued)[1]}
