"""Jobs in the database: the few transitions that they may make.

Every transition is a conditional update, so that of two who would make it only one does.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from labstudio import changes
from labstudio.compute import leases
from labstudio.database.tables import attempts, computes, jobs
from labstudio.database.tables import changes as feed
from labstudio.jobs.models import (
    ACTIVE_STATES,
    JobDetail,
    JobError,
    JobState,
    Progress,
)
from labstudio.jobs.records import JobRecords, sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

_ACTIVE = [state.value for state in ACTIVE_STATES]


def now() -> datetime:
    """Return this moment, in UTC."""
    return datetime.now(UTC)


class JobStore(JobRecords):
    """Jobs and their attempts, as rows that change."""

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
            row = self._row(connection, job_id, [jobs.c.spec, jobs.c.dispatched])
            queued = connection.execute(
                jobs.update()
                .where(jobs.c.id == job_id, jobs.c.state == JobState.queued.value)
                .values(
                    state=JobState.stopped.value,
                    ended_at=moment,
                    next_attempt_at=None,
                    retain_until=_retained(moment, row.spec.get("retain_s")),
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
            if queued:
                leases.release(
                    connection,
                    "job",
                    job_id,
                    attempt=row.dispatched,
                    outcome=JobState.stopped.value,
                )
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
                        compute=sa.select(jobs.c.compute)
                        .where(jobs.c.id == job_id)
                        .scalar_subquery(),
                        # It was let in before its compute was to be cleared.
                        notice_at=sa.select(_micros(moment))
                        .select_from(jobs.join(computes, computes.c.name == jobs.c.compute))
                        .where(jobs.c.id == job_id, computes.c.clearing)
                        .scalar_subquery(),
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

    def give_notice(self, connection: sa.Connection, compute: str) -> int:
        """Note for attempts at a compute that it is taken away from them; return for how many.

        Their workers pass it on.
        """
        told = connection.execute(
            attempts.update()
            .where(
                attempts.c.compute == compute,
                attempts.c.ended_at.is_(None),
                attempts.c.notice_at.is_(None),
            )
            .values(notice_at=now())
            .returning(attempts.c.job_id)
        )
        found = list(told.scalars())
        for job_id in found:
            changes.record(connection, "jobs", job_id, "changed")
        return len(found)

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
        preempted: bool = False,
    ) -> bool:
        """End an attempt, exactly once; the job ends with it or goes back to the queue.

        Parameters
        ----------
        job, number
            Which attempt.
        state
            How it ended.
        error, exit_code, ended_at
            What is known of that.
        preempted
            Its compute was taken away: as often as the job's policy says that is no failure, and
            the job goes on at once.

        Returns
        -------
        Whether this call was the one that ended it.
        """
        ended = ended_at or now()
        allowed = job.spec.checkpoint.preemptions
        goes_on = preempted and state is JobState.interrupted and job.preemptions < allowed
        if preempted and not goes_on and error is not None:
            times = f"That happened {job.preemptions + 1} times, and the job allows {allowed}"
            text = f"{error.message} {times} (checkpoint.preemptions)."
            error = error.model_copy(update={"message": text})
        made = number - job.preemptions
        failed = state in (JobState.failed, JobState.interrupted) and not goes_on
        retry = failed and made < job.attempts_allowed
        backoff = timedelta(seconds=min(job.spec.retry_backoff_s * 2 ** (made - 1), 86_400))
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
            again = (retry or goes_on) and not stopped
            if again:
                cause = f"{why} Tried again ({made} of {job.attempts_allowed} attempts made)."
                if goes_on:
                    which = f"interruption {job.preemptions + 1} of {allowed} allowed"
                    cause = f"{why} Goes on when a slot is free ({which})."
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
                    next_attempt_at=now() + backoff if again and not goes_on else None,
                    preemptions=jobs.c.preemptions + (1 if preempted else 0),
                    retain_until=None if again else _retained(ended, job.spec.retain_s),
                    error=error.model_dump() if error else None,
                    progress=None if again else jobs.c.progress,
                    revision=jobs.c.revision + 1,
                )
            )
            leases.release(connection, "job", job.id, attempt=number, outcome=state.value, at=ended)
            changes.record(connection, "jobs", job.id, "changed")
        return True


def _retained(ended: datetime, retain_s: float | None) -> datetime | None:
    return ended + timedelta(seconds=retain_s) if retain_s else None


def _micros(moment: datetime) -> sa.BindParameter[datetime]:
    return sa.bindparam(None, moment, type_=jobs.c.started_at.type)
