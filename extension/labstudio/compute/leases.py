"""Who holds slots of which compute: rows that are given and taken back within a transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.compute.slots import MILLI, Holding, Slots
from labstudio.database.tables import jobs, kernels, leases
from labstudio.usage import ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio.compute.models import Capacity, ComputeSettings, HolderKind, Need

# Held by somebody who is not on record yet, or any more.
PATIENCE = timedelta(minutes=1)


@dataclass(frozen=True)
class Terms:
    """On which terms slots are given out: what they cost, and of how much they are a part."""

    settings: ComputeSettings
    capacity: Capacity
    worker: str | None = None


def give(
    connection: sa.Connection, stay: ledger.Stay, need: Need, gpus: Sequence[int], terms: Terms
) -> None:
    """Give slots out, and begin their line in the ledger."""
    moment = datetime.now(UTC)
    # One whose end nobody was there to record must not keep the holder out.
    release(connection, stay.holder, stay.holder_id, outcome="lost", at=moment)
    connection.execute(
        leases.insert().values(
            holder=stay.holder,
            holder_id=stay.holder_id,
            compute=stay.compute,
            user=stay.user,
            cpus=need.cpus,
            memory_bytes=int(need.memory),
            gpus=list(gpus),
            worker=terms.worker,
            since=moment,
        )
    )
    ledger.begin(connection, stay, need, terms.settings, terms.capacity, moment)


def release(
    connection: sa.Connection,
    holder: HolderKind,
    holder_id: str,
    *,
    outcome: str,
    attempt: int | None = None,
    at: datetime | None = None,
) -> bool:
    """Take slots back, and end their line in the ledger; return whether any were held."""
    moment = at or datetime.now(UTC)
    gone = connection.execute(leases.delete().where(*_of(holder, holder_id))).rowcount
    ledger.end(connection, holder, holder_id, attempt, outcome=outcome, at=moment)
    return bool(gone)


def withdraw(connection: sa.Connection, job_id: str, attempt: int) -> None:
    """Take back the slots of an attempt that never began, as if they had not been given."""
    connection.execute(leases.delete().where(*_of("job", job_id)))
    ledger.strike(connection, "job", job_id, attempt)


def held(connection: sa.Connection, compute: str, worker: str | None) -> list[sa.Row[Any]]:
    """Return the leases of a compute; of `local` only those of one worker's machine."""
    mine = leases.c.worker.is_(None) if worker is None else leases.c.worker == worker
    return list(connection.execute(sa.select(leases).where(leases.c.compute == compute, mine)))


def holding(row: sa.Row[Any]) -> Holding:
    """Turn a row into what the algebra of slots speaks of."""
    slots = Slots(
        round(row.cpus * MILLI), row.memory_bytes, len(row.gpus), int(row.holder == "job")
    )
    return Holding(row.user, slots, row.since)


def gpus_of(connection: sa.Connection, holder: HolderKind, holder_id: str) -> tuple[int, ...]:
    """Return the numbers of the GPUs that somebody holds."""
    found = connection.scalar(sa.select(leases.c.gpus).where(*_of(holder, holder_id)))
    return tuple(found or ())


def sweep(connection: sa.Connection) -> int:
    """Take back what nobody has use for any more; return how many leases.

    A job's lease ends with its attempt, a kernel's with the kernel; this is for those whose end
    nobody was there to record.
    """
    old = leases.c.since < datetime.now(UTC) - PATIENCE
    active = sa.or_(
        jobs.c.state.in_(["starting", "running"]),
        sa.and_(jobs.c.state == "queued", jobs.c.dispatched > jobs.c.attempt),
    )
    job = sa.exists().where(jobs.c.id == leases.c.holder_id, active)
    kernel = sa.exists().where(kernels.c.id == leases.c.holder_id, kernels.c.ended_at.is_(None))
    stale = sa.or_(
        sa.and_(leases.c.holder == "job", ~job), sa.and_(leases.c.holder == "kernel", ~kernel)
    )
    rows = connection.execute(
        sa.select(leases.c.holder, leases.c.holder_id).where(old, stale)
    ).all()
    for row in rows:
        release(connection, row.holder, row.holder_id, outcome="lost")
    return len(rows)


def _of(holder: str, holder_id: str) -> list[sa.ColumnElement[bool]]:
    return [leases.c.holder == holder, leases.c.holder_id == holder_id]
