"""Jobs in the database, as the records that everybody speaks: reading them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio.database.tables import attempts, jobs
from labstudio.errors import InvalidInput, NotFound
from labstudio.ids import is_id
from labstudio.jobs.models import (
    Attempt,
    CreateJob,
    Job,
    JobDetail,
    JobError,
    JobState,
    ListJobs,
    Progress,
    Provenance,
    Snapshot,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.engine import Connection, Row

    from labstudio.database.engine import Database

_LIST_COLUMNS = [
    column
    for column in jobs.c
    if column.name not in {"spec", "snapshot", "provenance", "assigns", "retain_until"}
]
_SENTENCE_LIMIT = 500
# Errors of the studio's own, whose sentence says all.
_PLAIN = frozenset({"Lost", "Preempted", "Timeout", "Stopped"})
# Ids asked for in one statement; SQLite takes 32,766, and a sweep may be 10,000 jobs.
_BATCH = 10_000


def to_job(row: Row[Any]) -> Job:
    """Turn a row into the record that everybody speaks."""
    error = row.error
    return Job(
        id=row.id,
        name=row.name,
        kind=row.kind,
        state=row.state,
        compute=row.compute,
        user=row.user,
        path=row.path,
        parameters=row.parameters,
        priority=row.priority,
        created_at=row.created_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        attempt=row.attempt,
        attempts_allowed=row.attempts_allowed,
        next_attempt_at=row.next_attempt_at,
        run_id=row.run_id,
        error=sentence(JobError(**error)) if error else None,
        progress=Progress(**row.progress) if row.progress else None,
        schedule_id=row.schedule_id,
        sweep_id=row.sweep_id,
        rerun_of=row.rerun_of,
        stop_requested=row.stop_requested,
        preemptions=row.preemptions,
        tags=row.tags,
        revision=row.revision,
    )


def sentence(error: JobError) -> str:
    """Say an error in one line."""
    told = error.message.strip().splitlines() or [""]
    words = told[0] if error.type in _PLAIN else f"{error.type}: {told[0]}"
    return words if len(words) <= _SENTENCE_LIMIT else words[: _SENTENCE_LIMIT - 1] + "…"


class JobRecords:
    """Jobs and their attempts, as they stand."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, job_id: str) -> Job:
        """Return one job.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        with self._database.read() as connection:
            return to_job(self._row(connection, job_id, _LIST_COLUMNS))

    def get_all(self, job_ids: Sequence[str]) -> list[Job]:
        """Return jobs in the order of their ids; those that are gone are left out."""
        found: dict[str, Job] = {}
        with self._database.read() as connection:
            for start in range(0, len(job_ids), _BATCH):
                some = job_ids[start : start + _BATCH]
                query = sa.select(*_LIST_COLUMNS).where(jobs.c.id.in_(some))
                found.update((row.id, to_job(row)) for row in connection.execute(query))
        return [found[job_id] for job_id in job_ids if job_id in found]

    def detail(self, job_id: str) -> JobDetail:
        """Return one job with its specification, snapshot and attempts."""
        with self._database.read() as connection:
            row = self._row(connection, job_id, list(jobs.c))
            tries = connection.execute(
                sa.select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.number)
            ).all()
        return JobDetail(
            **to_job(row).model_dump(),
            spec=CreateJob(**row.spec),
            attempts=[
                Attempt(
                    number=each.number,
                    state=each.state,
                    worker=each.worker,
                    started_at=each.started_at,
                    ended_at=each.ended_at,
                    exit_code=each.exit_code,
                    error=JobError(**each.error) if each.error else None,
                    cause=each.cause,
                    notice_at=each.notice_at,
                )
                for each in tries
            ],
            snapshot=Snapshot(**row.snapshot),
            provenance=Provenance(**row.provenance) if row.provenance else None,
            error_detail=JobError(**row.error) if row.error else None,
        )

    def assigns(self, job_id: str) -> list[str]:
        """Return the names that a cell job gives back."""
        with self._database.read() as connection:
            return list(self._row(connection, job_id, [jobs.c.assigns]).assigns)

    def page(
        self, query: ListJobs, users: Sequence[str] | None = None
    ) -> tuple[list[Job], str | None, dict[JobState, int]]:
        """Return one page of jobs, newest first, the next page's cursor, and counts by state."""
        where = _conditions(query, users)
        page = sa.select(*_LIST_COLUMNS).where(*where)
        if query.state:
            page = page.where(jobs.c.state.in_([state.value for state in query.state]))
        if query.cursor:
            if not is_id(query.cursor):
                raise InvalidInput("cursor is not one that a page gave.", field="cursor")
            page = page.where(jobs.c.id < query.cursor)
        page = page.order_by(jobs.c.id.desc()).limit(query.limit + 1)
        tally = sa.select(jobs.c.state, sa.func.count()).where(*where).group_by(jobs.c.state)
        with self._database.read() as connection:
            rows = connection.execute(page).all()
            counts = {JobState(state): count for state, count in connection.execute(tally)}
        items = [to_job(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        return items, items[-1].id if more else None, counts

    def by_idempotency_key(self, user: str, key: str) -> Job | None:
        """Return the job that was first submitted with a key."""
        query = sa.select(*_LIST_COLUMNS).where(jobs.c.user == user, jobs.c.idempotency_key == key)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return to_job(row) if row else None

    def ended(self, keys: Collection[tuple[str, int]]) -> set[tuple[str, int]]:
        """Return those of some attempts that have ended."""
        if not keys:
            return set()
        query = sa.select(attempts.c.job_id, attempts.c.number).where(
            attempts.c.job_id.in_({job_id for job_id, _ in keys}), attempts.c.ended_at.is_not(None)
        )
        with self._database.read() as connection:
            return {(row.job_id, row.number) for row in connection.execute(query)} & set(keys)

    def owners(self) -> list[str]:
        """Return the users that have jobs."""
        with self._database.read() as connection:
            return list(connection.scalars(sa.select(jobs.c.user).distinct()))

    def _row(
        self, connection: Connection, job_id: str, columns: Sequence[sa.Column[Any]]
    ) -> Row[Any]:
        row = connection.execute(sa.select(*columns).where(jobs.c.id == job_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no job {job_id}.", job_id=job_id)
        return row


def _conditions(query: ListJobs, users: Sequence[str] | None) -> list[sa.ColumnElement[bool]]:
    where: list[sa.ColumnElement[bool]] = []
    if query.kind:
        where.append(jobs.c.kind.in_([kind.value for kind in query.kind]))
    if query.query:
        where.append(
            jobs.c.name.icontains(query.query, autoescape=True)
            | jobs.c.path.icontains(query.query, autoescape=True)
        )
    if query.schedule_id:
        where.append(jobs.c.schedule_id == query.schedule_id)
    if query.sweep_id:
        where.append(jobs.c.sweep_id == query.sweep_id)
    if query.user:
        where.append(jobs.c.user == query.user)
    if users is not None:
        where.append(jobs.c.user.in_(list(users)))
    return where
