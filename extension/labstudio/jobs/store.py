"""Jobs in the database: reading them, and the few transitions that they may make.

Every transition is a conditional update, so that of two who would make it only one does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio import changes
from labstudio.database.tables import attempts, jobs
from labstudio.database.tables import changes as feed
from labstudio.errors import InvalidInput, NotFound
from labstudio.ids import is_id
from labstudio.jobs.models import (
    ACTIVE_STATES,
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

_ACTIVE = [state.value for state in ACTIVE_STATES]
_LIST_COLUMNS = [
    column
    for column in jobs.c
    if column.name not in {"spec", "snapshot", "provenance", "assigns", "retain_until"}
]
_SENTENCE_LIMIT = 500


def now() -> datetime:
    """Return this moment, in UTC."""
    return datetime.now(UTC)


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
        tags=row.tags,
        revision=row.revision,
    )


def sentence(error: JobError) -> str:
    """Say an error in one line."""
    told = error.message.strip().splitlines() or [""]
    words = told[0] if error.type in {"Lost", "Timeout", "Stopped"} else f"{error.type}: {told[0]}"
    return words if len(words) <= _SENTENCE_LIMIT else words[: _SENTENCE_LIMIT - 1] + "…"


class JobStore:
    """Jobs and their attempts, as rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Reading

    def get(self, job_id: str) -> Job:
        """Return one job.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        with self._database.read() as connection:
            return to_job(self._row(connection, job_id, _LIST_COLUMNS))

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

    # Writing

    def insert(self, values: Sequence[dict[str, Any]]) -> None:
        """Accept jobs: once this returns they will run, whatever dies."""
        with self._database.begin() as connection:
            connection.execute(jobs.insert(), list(values))
            news = {"topic": "jobs", "kind": "created", "at": now()}
            connection.execute(
                feed.insert(), [{**news, "object_id": each["id"]} for each in values]
            )

    def request_stop(self, job_id: str) -> bool:
        """Ask for a job's end: a queued one ends here and now. Return whether it still could."""
        moment = now()
        with self._database.begin() as connection:
            spec = self._row(connection, job_id, [jobs.c.spec]).spec
            queued = connection.execute(
                jobs.update()
                .where(jobs.c.id == job_id, jobs.c.state == JobState.queued.value)
                .values(
                    state=JobState.stopped.value,
                    ended_at=moment,
                    next_attempt_at=None,
                    retain_until=_retained(moment, spec.get("retain_s")),
                    stop_requested=True,
                    revision=jobs.c.revision + 1,
                )
            ).rowcount
            running = connection.execute(
                jobs.update()
                .where(
                    jobs.c.id == job_id,
                    jobs.c.state.in_([JobState.starting.value, JobState.running.value]),
                )
                .values(stop_requested=True, revision=jobs.c.revision + 1)
            ).rowcount
            if queued or running:
                changes.record(connection, "jobs", job_id, "changed")
        return bool(queued or running)

    def delete(self, job_id: str) -> bool:
        """Forget an ended job; return whether there was one."""
        with self._database.begin() as connection:
            gone = connection.execute(
                jobs.delete().where(jobs.c.id == job_id, jobs.c.state.not_in(_ACTIVE))
            ).rowcount
            if gone:
                connection.execute(attempts.delete().where(attempts.c.job_id == job_id))
                changes.record(connection, "jobs", job_id, "deleted")
        return bool(gone)

    def begin_attempt(self, job_id: str, number: int, worker: str) -> JobDetail | None:
        """Take an attempt on, or take it over; None when it is no longer to be made."""
        moment = now()
        with self._database.begin() as connection:
            started = connection.execute(
                jobs.update()
                .where(
                    jobs.c.id == job_id,
                    jobs.c.state == JobState.queued.value,
                    jobs.c.attempt == number - 1,
                )
                .values(
                    state=JobState.starting.value,
                    attempt=number,
                    started_at=sa.func.coalesce(jobs.c.started_at, _micros(moment)),
                    next_attempt_at=None,
                    progress=None,
                    error=None,
                    revision=jobs.c.revision + 1,
                )
            ).rowcount
            if started:
                connection.execute(
                    attempts.insert().values(
                        job_id=job_id,
                        number=number,
                        state=JobState.starting.value,
                        worker=worker,
                        started_at=moment,
                    )
                )
                changes.record(connection, "jobs", job_id, "changed")
            else:
                taken = connection.execute(
                    attempts.update()
                    .where(
                        attempts.c.job_id == job_id,
                        attempts.c.number == number,
                        attempts.c.ended_at.is_(None),
                    )
                    .values(worker=worker)
                ).rowcount
                if not taken:
                    return None
        return self.detail(job_id)

    def progress(
        self, job_id: str, number: int, progress: Progress | None, *, running: bool
    ) -> None:
        """Record how far an attempt is."""
        values: dict[str, Any] = {"revision": jobs.c.revision + 1}
        if progress is not None:
            values["progress"] = progress.model_dump(mode="json")
        if running:
            values["state"] = JobState.running.value
        with self._database.begin() as connection:
            changed = connection.execute(
                jobs.update()
                .where(
                    jobs.c.id == job_id,
                    jobs.c.attempt == number,
                    jobs.c.state.in_([JobState.starting.value, JobState.running.value]),
                )
                .values(**values)
            ).rowcount
            if changed:
                if running:
                    connection.execute(
                        attempts.update()
                        .where(attempts.c.job_id == job_id, attempts.c.number == number)
                        .values(state=JobState.running.value)
                    )
                changes.record(connection, "jobs", job_id, "changed")

    def finish_attempt(
        self,
        job: JobDetail,
        number: int,
        state: JobState,
        *,
        error: JobError | None = None,
        exit_code: int | None = None,
        ended_at: datetime | None = None,
    ) -> bool:
        """End an attempt, exactly once; the job ends with it or goes back to the queue.

        Returns
        -------
        Whether this call was the one that ended it.
        """
        ended = ended_at or now()
        retry = state in (JobState.failed, JobState.interrupted) and number < job.attempts_allowed
        backoff = timedelta(seconds=min(job.spec.retry_backoff_s * 2 ** (number - 1), 86_400))
        why = sentence(error) if error else state.value
        with self._database.begin() as connection:
            # Holds the row, so that a stop that comes at this moment is not overlooked.
            connection.execute(
                jobs.update().where(jobs.c.id == job.id).values(revision=jobs.c.revision)
            )
            mine = connection.execute(
                attempts.update()
                .where(
                    attempts.c.job_id == job.id,
                    attempts.c.number == number,
                    attempts.c.ended_at.is_(None),
                )
                .values(
                    state=state.value,
                    ended_at=ended,
                    exit_code=exit_code,
                    error=error.model_dump() if error else None,
                )
            ).rowcount
            if not mine:
                return False
            stopped = connection.scalar(sa.select(jobs.c.stop_requested).where(jobs.c.id == job.id))
            again = retry and not stopped
            if again:
                cause = f"{why} Tried again ({number} of {job.attempts_allowed} attempts made)."
                connection.execute(
                    attempts.update()
                    .where(attempts.c.job_id == job.id, attempts.c.number == number)
                    .values(cause=cause)
                )
            connection.execute(
                jobs.update()
                .where(jobs.c.id == job.id, jobs.c.attempt == number)
                .values(
                    state=(JobState.queued if again else state).value,
                    ended_at=None if again else ended,
                    next_attempt_at=now() + backoff if again else None,
                    retain_until=None if again else _retained(ended, job.spec.retain_s),
                    error=error.model_dump() if error else None,
                    progress=None if again else jobs.c.progress,
                    revision=jobs.c.revision + 1,
                )
            )
            changes.record(connection, "jobs", job.id, "changed")
        return True


def _retained(ended: datetime, retain_s: float | None) -> datetime | None:
    return ended + timedelta(seconds=retain_s) if retain_s else None


def _micros(moment: datetime) -> sa.BindParameter[datetime]:
    return sa.bindparam(None, moment, type_=jobs.c.started_at.type)


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
