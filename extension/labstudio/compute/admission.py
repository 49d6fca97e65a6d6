"""Lets jobs onto computes: who waits, what is free, and slots given out in one transaction.

Each worker lets jobs onto its own machine, which it knows as `local`. All other computes are
shared: any worker that knows them lets jobs in, one at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.compute import leases
from labstudio.compute.forecast import asking_of, lacking
from labstudio.compute.models import LOCAL, Capacity, ComputeSettings, Need
from labstudio.compute.seen import look_at_capacity
from labstudio.compute.slots import Line, choose_gpus, given_out, needed
from labstudio.daemon.identity import worker_id
from labstudio.database.tables import computes, jobs
from labstudio.errors import Conflict, Unavailable
from labstudio.usage.ledger import Stay, starts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from labstudio._studio import Studio

# Of each user at each compute: more are never let in at one look.
LOOKED_AT = 64
_LOCK = 7205759403793  # Of Postgres: one worker lets in at a time.


@dataclass(frozen=True)
class Admitted:
    """A job whose next attempt may be made."""

    id: str
    number: int
    user: str
    priority: int


@dataclass(frozen=True)
class Place:
    """A compute onto which jobs are let."""

    name: str
    settings: ComputeSettings
    capacity: Capacity
    worker: str | None

    @property
    def terms(self) -> leases.Terms:
        """The terms on which its slots are given out."""
        return leases.Terms(self.settings, self.capacity, self.worker)

    def line(self, rows: Sequence[sa.Row[Any]]) -> Line:
        """Return who holds what of it."""
        slots = given_out(self.capacity, self.settings.max_jobs)
        return Line(slots, [leases.holding(row) for row in rows], self.settings.max_jobs_per_user)


class Admission:
    """Lets jobs in, for one worker.

    Parameters
    ----------
    studio
        Whose jobs.
    worker
        Its id.
    ask
        Called with the name of a compute whose capacity is not known, or that was not reached: it
        is looked at soon.
    """

    def __init__(self, studio: Studio, worker: str, ask: Callable[[str], None]) -> None:
        self._studio = studio
        self._worker = worker
        self._ask = ask

    def admit(self, hand_over: Callable[[sa.Connection, Admitted], None]) -> int:
        """Let in who may come in now; return how many.

        Parameters
        ----------
        hand_over
            Called for each, within the transaction that gives out its slots.
        """
        with self._studio.database.read() as connection:
            wanted = set(connection.scalars(_waiting(jobs.c.compute).distinct()))
            if not wanted:
                return 0
        places, lost = self.places(wanted)
        with self._studio.database.read() as connection:
            if not lost and not any(self._chosen(connection, place) for place in places):
                return 0
        with self._studio.database.begin() as connection:
            _lock(self._studio, connection)
            count = sum(self._let_in(connection, place, hand_over) for place in places)
            return count + self._let_fail(connection, lost, hand_over)

    def places(self, wanted: set[str]) -> tuple[list[Place], list[str]]:
        """Return which of some computes take jobs now, and which nobody knows any more."""
        entries = self._studio.computes.catalogue.entries()
        with self._studio.database.read() as connection:
            rows = {row.name: row for row in connection.execute(sa.select(computes))}
        places, lost = [], []
        for name in sorted(wanted):
            entry, row = entries.get(name), rows.get(name)
            if entry is None:
                # A row without an entry: its file may lie on another worker's machine.
                lost += [name] if row is None else []
                continue
            settings = self._studio.computes.filled(entry).settings
            if settings is None or (row is not None and row.draining):
                continue
            if name == LOCAL:
                capacity = self._studio.computes.opened.get(LOCAL).capacity()
                places.append(Place(name, settings, capacity, self._worker))
            elif row is None or row.cpus is None or row.problem:
                self._ask(name)
            else:
                capacity = Capacity(cpus=row.cpus, memory_bytes=row.memory_bytes, gpus=row.gpus)
                places.append(Place(name, settings, capacity, None))
        return places, lost

    def _chosen(self, connection: sa.Connection, place: Place) -> list[sa.Row[Any]]:
        """Return the jobs that may come in, in their order."""
        line = place.line(leases.held(connection, place.name, place.worker))
        if line.free.jobs <= 0:
            return []
        rows = {row.id: row for row in _candidates(connection, place.name)}
        return [rows[each.id] for each in line.let_in(map(asking_of, rows.values()))]

    def _let_in(
        self,
        connection: sa.Connection,
        place: Place,
        hand_over: Callable[[sa.Connection, Admitted], None],
    ) -> int:
        taken = [
            number
            for row in leases.held(connection, place.name, place.worker)
            for number in row.gpus
        ]
        count = 0
        for row in self._chosen(connection, place):
            if not _dispatched(connection, row):
                continue
            need = _need(row)
            gpus = choose_gpus(need.gpus, place.capacity.gpus, taken)
            taken += gpus
            stay = Stay(
                holder="job",
                holder_id=row.id,
                attempt=row.attempt + 1,
                name=row.name,
                compute=place.name,
                user=row.user,
                workspace=row.tags.get("workspace"),
                experiment=row.experiment or self._studio.config.experiment,
            )
            leases.give(connection, stay, need, gpus, place.terms)
            hand_over(connection, Admitted(row.id, row.attempt + 1, row.user, row.priority))
            count += 1
        return count

    def _let_fail(
        self,
        connection: sa.Connection,
        lost: Sequence[str],
        hand_over: Callable[[sa.Connection, Admitted], None],
    ) -> int:
        """Let those in whose compute is gone: the attempt then fails, and says so."""
        count = 0
        for name in lost:
            for row in _candidates(connection, name):
                if _dispatched(connection, row):
                    hand_over(connection, Admitted(row.id, row.attempt + 1, row.user, row.priority))
                    count += 1
        return count


def admit_kernel(
    studio: Studio, kernel_id: str, compute: str, user: str, need: Need, name: str
) -> tuple[int, ...]:
    """Give a kernel its slots; see `ComputeService.lease_kernel`.

    It goes before every job that waits, for a person waits for it.
    """

    def look(name: str) -> None:
        look_at_capacity(studio, studio.computes.opened.get(name))

    admission = Admission(studio, worker_id(studio.home), look)
    places, _ = admission.places({compute})
    # One that was not known had to be looked at first.
    places = places or admission.places({compute})[0]
    if not places:
        state = studio.computes.detail(compute)
        why = state.message or "it has not been looked at yet; try again in some seconds"
        raise Unavailable(f"Compute {compute!r} takes no kernel now: {why}", name=compute)
    place = places[0]
    with studio.database.begin() as connection:
        _lock(studio, connection)
        rows = leases.held(connection, place.name, place.worker)
        if any((row.holder, row.holder_id) == ("kernel", kernel_id) for row in rows):
            return leases.gpus_of(connection, "kernel", kernel_id)
        free = place.line(rows).free
        if short := lacking(needed(need, jobs=0), free):
            raise Conflict(f"On {compute!r} {short} {_in_the_way(rows)}", name=compute)
        taken = [number for row in rows for number in row.gpus]
        gpus = choose_gpus(need.gpus, place.capacity.gpus, taken)
        number = starts(connection, kernel_id) + 1
        stay = Stay("kernel", kernel_id, number, name or kernel_id, compute, user)
        leases.give(connection, stay, need, gpus, place.terms)
    return tuple(gpus)


def _in_the_way(rows: Sequence[sa.Row[Any]]) -> str:
    jobs_, kernels_ = (sum(row.holder == each for row in rows) for each in ("job", "kernel"))
    told = [
        f"{count} {thing}{'' if count == 1 else 's'}"
        for count, thing in ((jobs_, "job"), (kernels_, "kernel"))
        if count
    ]
    return f"{' and '.join(told)} hold the rest." if told else "Nothing else is given out."


def _lock(studio: Studio, connection: sa.Connection) -> None:
    """Let nobody else let in until the transaction ends; SQLite has one writer at a time."""
    if not studio.database.sqlite:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _waiting(*columns: Any) -> sa.Select[Any]:
    """Select of the jobs whose next attempt may be made as far as they themselves are concerned."""
    moment = sa.bindparam("moment", datetime.now(UTC), type_=jobs.c.next_attempt_at.type)
    return sa.select(*columns).where(
        jobs.c.state == "queued",
        jobs.c.dispatched == jobs.c.attempt,
        sa.or_(jobs.c.next_attempt_at.is_(None), jobs.c.next_attempt_at <= moment),
    )


def _candidates(connection: sa.Connection, compute: str) -> list[sa.Row[Any]]:
    """Return the first of each user's jobs that wait for a compute."""
    order = [jobs.c.priority.desc(), jobs.c.id]
    place = sa.func.row_number().over(partition_by=jobs.c.user, order_by=order).label("place")
    first = _waiting(jobs.c.id, place).where(jobs.c.compute == compute).subquery()
    query = (
        sa.select(
            jobs.c.id,
            jobs.c.name,
            jobs.c.user,
            jobs.c.priority,
            jobs.c.attempt,
            jobs.c.tags,
            jobs.c.created_at,
            jobs.c.next_attempt_at,
            jobs.c.spec["need"].label("need"),
            jobs.c.spec["experiment"].as_string().label("experiment"),
        )
        .join(first, first.c.id == jobs.c.id)
        .where(first.c.place <= LOOKED_AT)
    )
    return list(connection.execute(query))


def _need(row: sa.Row[Any]) -> Need:
    return Need.model_validate(row.need or {})


def _dispatched(connection: sa.Connection, row: sa.Row[Any]) -> bool:
    """Note that an attempt is handed out; False when somebody else did, or the job was stopped."""
    return bool(
        connection.execute(
            jobs.update()
            .where(
                jobs.c.id == row.id,
                jobs.c.state == "queued",
                jobs.c.dispatched == row.attempt,
                jobs.c.attempt == row.attempt,
            )
            .values(dispatched=row.attempt + 1)
        ).rowcount
    )
