"""Writing the ledger: a line when slots are given out, its end when they are given back.

Both are called within the transaction that gives slots out or takes them back, so that no use is
missed and none is counted twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.database.tables import usage
from labstudio.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime

    from labstudio.compute.models import Capacity, ComputeSettings, HolderKind, Need

# One that needs nothing that is counted still holds its compute.
LEAST_SHARE = 1e-6


@dataclass(frozen=True)
class Stay:
    """Who holds slots of which compute.

    Parameters
    ----------
    holder, holder_id, attempt
        A job and the number of its attempt, or a kernel and how often it was started; see
        `starts`.
    name
        What people know it by.
    """

    holder: HolderKind
    holder_id: str
    attempt: int
    name: str
    compute: str
    user: str
    workspace: str | None = None
    experiment: str | None = None


def begin(
    connection: sa.Connection,
    stay: Stay,
    need: Need,
    settings: ComputeSettings,
    capacity: Capacity,
    at: datetime,
) -> None:
    """Write a line that has not ended; once for each attempt, however often called."""
    known = sa.select(usage.c.id).where(*_of(stay.holder, stay.holder_id, stay.attempt))
    if connection.scalar(known) is not None:
        return
    connection.execute(
        usage.insert().values(
            id=new_id(),
            holder=stay.holder,
            holder_id=stay.holder_id,
            attempt=stay.attempt,
            name=stay.name,
            compute=stay.compute,
            user=stay.user,
            workspace=stay.workspace,
            experiment=stay.experiment,
            cpus=need.cpus,
            memory_bytes=int(need.memory),
            gpus=need.gpus,
            share=share(need, capacity),
            price_per_hour=settings.price_per_hour,
            on_demand_price_per_hour=settings.on_demand_price_per_hour,
            started_at=at,
        )
    )


def end(
    connection: sa.Connection,
    holder: HolderKind,
    holder_id: str,
    attempt: int | None,
    *,
    outcome: str,
    at: datetime,
    lost_s: float | None = None,
) -> None:
    """End a line, once.

    Parameters
    ----------
    attempt
        Which one; None for the one that has not ended.
    outcome
        How the attempt or kernel ended.
    lost_s
        Seconds of work that are to be done again, where it was preempted.
    """
    connection.execute(
        usage.update()
        .where(*_of(holder, holder_id, attempt), usage.c.ended_at.is_(None))
        .values(ended_at=at, outcome=outcome, lost_s=lost_s)
    )


def strike(connection: sa.Connection, holder: HolderKind, holder_id: str, attempt: int) -> None:
    """Remove the line of an attempt that never began."""
    connection.execute(usage.delete().where(*_of(holder, holder_id, attempt)))


def starts(connection: sa.Connection, kernel_id: str) -> int:
    """Return how often a kernel was given slots: one that died may be started anew."""
    query = sa.select(sa.func.max(usage.c.attempt)).where(*_of("kernel", kernel_id, None))
    return int(connection.scalar(query) or 0)


def share(need: Need, capacity: Capacity) -> float:
    """Return which part of a compute is held: of what it has least of, in (0, 1]."""
    parts = [need.cpus / capacity.cpus if capacity.cpus else 0.0]
    if capacity.memory_bytes:
        parts.append(need.memory / capacity.memory_bytes)
    if capacity.gpus:
        parts.append(need.gpus / capacity.gpus)
    return min(1.0, max(LEAST_SHARE, *parts))


def _of(holder: str, holder_id: str, attempt: int | None) -> list[sa.ColumnElement[bool]]:
    which = [usage.c.holder == holder, usage.c.holder_id == holder_id]
    return which if attempt is None else [*which, usage.c.attempt == attempt]
