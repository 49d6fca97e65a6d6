"""Who waits for a compute, what for, and from when on they will probably run.

How long a job takes is told from how long such jobs took there before: those of the same notebook
or script, or of the same name. The line is then played forward: whoever ends gives slots back, and
the algebra of slots says who is let in next.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.compute.models import Need, Waiting
from labstudio.compute.slots import MILLI, Asking, Holding, Line, Slots, needed
from labstudio.database.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIKE = 20
"""Of such jobs, the newest that are looked at."""
HISTORY = 500
SHOWN = 200


@dataclass(frozen=True)
class Running:
    """What holds slots, and when it will probably give them back; None: nobody knows."""

    holding: Holding
    ends: datetime | None


class History:
    """How long jobs took on one compute.

    Parameters
    ----------
    connection
        To the database.
    compute
        Its name.
    """

    def __init__(self, connection: sa.Connection, compute: str) -> None:
        query = (
            sa.select(jobs.c.path, jobs.c.name, jobs.c.started_at, jobs.c.ended_at)
            .where(jobs.c.compute == compute, jobs.c.state == "succeeded")
            .order_by(jobs.c.id.desc())
            .limit(HISTORY)
        )
        took: dict[str, list[float]] = defaultdict(list)
        for row in connection.execute(query):
            if row.started_at and len(took[key(row)]) < LIKE:
                took[key(row)].append((row.ended_at - row.started_at).total_seconds())
        self._typical = {each: median(times) for each, times in took.items() if times}

    def typical_s(self, row: Any) -> float | None:
        """Return how long a job like this one took; None when none did."""
        return self._typical.get(key(row))


def key(row: Any) -> str:
    """Return what makes two jobs such jobs."""
    return str(row.path or row.name)


def waiting(
    connection: sa.Connection,
    compute: str,
    line: Line | None,
    held: Sequence[sa.Row[Any]],
    why: str,
) -> list[Waiting]:
    """Return who waits for a compute, in the order in which they will have it.

    Parameters
    ----------
    connection
        To the database.
    compute
        Its name.
    line
        What it gives out and who holds it; None while it takes nobody in.
    held
        The rows of those who hold it.
    why
        Why it takes nobody in.
    """
    query = (
        sa.select(
            jobs.c.id,
            jobs.c.name,
            jobs.c.path,
            jobs.c.user,
            jobs.c.priority,
            jobs.c.created_at,
            jobs.c.next_attempt_at,
            jobs.c.spec["need"].label("need"),
        )
        .where(
            jobs.c.compute == compute, jobs.c.state == "queued", jobs.c.dispatched == jobs.c.attempt
        )
        .order_by(jobs.c.priority.desc(), jobs.c.id)
        .limit(SHOWN)
    )
    rows = {row.id: row for row in connection.execute(query)}
    if not rows:
        return []
    asking = {row.id: asking_of(row) for row in rows.values()}
    if line is None:
        return [_told(rows[each], None, why) for each in asking]
    history = History(connection, compute)
    starts = expected(
        line, _running(connection, held, history), asking, _times(rows, history), datetime.now(UTC)
    )
    reasons = _Reasons(line, asking)
    order = sorted(asking, key=lambda each: (starts.get(each) or _NEVER, _rank(asking[each])))
    return [_told(rows[each], starts.get(each), reasons.why(asking[each])) for each in order]


def expected(
    line: Line,
    running: Sequence[Running],
    asking: Mapping[str, Asking],
    times: Mapping[str, float | None],
    now: datetime,
) -> dict[str, datetime | None]:
    """Play the line forward.

    Returns
    -------
    dict
        When each will probably be let in; None where that depends on something nobody knows.
    """
    left, here = dict(asking), list(running)
    found: dict[str, datetime | None] = {}
    moment = now
    while left:
        step = Line(line.capacity, [each.holding for each in here], line.jobs_per_user)
        ready = [each for each in left.values() if each.since <= moment]
        for each in step.let_in(ready):
            found[each.id] = moment
            del left[each.id]
            time = times[each.id]
            ends = None if time is None else moment + timedelta(seconds=time)
            here.append(Running(Holding(each.user, each.slots, moment), ends))
        coming = [each.ends for each in here if each.ends is not None]
        coming += [each.since for each in left.values() if each.since > moment]
        if not (coming and left):
            break
        moment = max(moment, min(coming))
        here = [each for each in here if each.ends is None or each.ends > moment]
    return found


_NEVER = datetime.max.replace(tzinfo=UTC)


class _Reasons:
    """Says what each of those who wait lacks."""

    def __init__(self, line: Line, asking: Mapping[str, Asking]) -> None:
        self._line = Line(line.capacity, line.holdings, line.jobs_per_user)
        ready = [each for each in asking.values() if each.since <= datetime.now(UTC)]
        self._granted = {each.id for each in self._line.let_in(ready)}

    def why(self, each: Asking) -> str:
        line, limit = self._line, self._line.jobs_per_user
        if each.since > datetime.now(UTC):
            return "It waits before it is tried again."
        if each.id in self._granted:
            return "It is about to start."
        if not each.slots.within(line.capacity):
            return f"It never fits: {lacking(each.slots, line.capacity)}"
        if line.free.jobs <= 0:
            return lacking(each.slots, line.free)
        mine = sum(held.slots.jobs for held in line.holdings if held.user == each.user)
        if limit is not None and mine >= limit:
            return f"{each.user} has {mine} of {limit} jobs there."
        short = lacking(each.slots, line.free)
        if line.kept_for is not None and line.kept_for.id == each.id:
            return f"It is the next in line: {short or 'others must end first.'}"
        return short or "What is free is kept for the next in line."


def lacking(wanted: Slots, free: Slots) -> str:
    """Say of what there is too little; nothing when there is enough."""
    if wanted.jobs > free.jobs:
        return "as many jobs run as may run at once."
    if wanted.milli_cpus > free.milli_cpus:
        left = max(0, free.milli_cpus) / MILLI
        return f"{left:g} of {wanted.milli_cpus / MILLI:g} cores are free."
    if wanted.memory_bytes > free.memory_bytes:
        left = max(0, free.memory_bytes) / 1e9
        return f"{left:.1f} of {wanted.memory_bytes / 1e9:.1f} GB of memory are free."
    if wanted.gpus > free.gpus:
        return f"{max(0, free.gpus)} of {wanted.gpus} GPUs are free."
    return ""


def _running(
    connection: sa.Connection, held: Sequence[sa.Row[Any]], history: History
) -> list[Running]:
    from labstudio.compute.leases import holding

    ids = [row.holder_id for row in held if row.holder == "job"]
    query = sa.select(jobs.c.id, jobs.c.path, jobs.c.name).where(jobs.c.id.in_(ids))
    known = {row.id: history.typical_s(row) for row in connection.execute(query)}
    found = []
    for row in held:
        time = known.get(row.holder_id)
        ends = None if time is None else row.since + timedelta(seconds=time)
        found.append(Running(holding(row), ends))
    return found


def _times(rows: Mapping[str, Any], history: History) -> dict[str, float | None]:
    return {each: history.typical_s(row) for each, row in rows.items()}


def asking_of(row: Any) -> Asking:
    """Turn a row of a job into what the algebra of slots speaks of."""
    since = max(row.created_at, row.next_attempt_at or row.created_at)
    need = Need.model_validate(row.need or {})
    return Asking(row.id, row.user, needed(need), since, row.priority)


def _rank(each: Asking) -> tuple[Any, ...]:
    return -each.priority, each.since, each.id


def _told(row: Any, at: datetime | None, why: str) -> Waiting:
    return Waiting(
        id=row.id,
        name=row.name,
        user=row.user,
        priority=row.priority,
        since=row.created_at,
        expected_at=at,
        why=why[:1].upper() + why[1:],
    )
