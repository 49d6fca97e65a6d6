"""The verbs of schedules.

A schedule stores the specification of a job, not its code: each run takes its own snapshot of the
notebook (and of the files beside it) when it falls due. So today's run is of today's notebook; a
job that was submitted by hand, once, keeps the code it was submitted with.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, NotFound
from labstudio.ids import new_id
from labstudio.jobs.models import CreateJob, Job, JobKind
from labstudio.jobs.placing import placed
from labstudio.schedules.cron import parse
from labstudio.schedules.models import (
    CreateSchedule,
    FirePage,
    PreviewSchedule,
    Schedule,
    SchedulePage,
    SchedulePreview,
    UpdateSchedule,
)
from labstudio.schedules.store import ScheduleStore

if TYPE_CHECKING:
    from sqlalchemy.engine import Row

    from labstudio._studio import Studio

NEXT_RUNS = 5
HISTORY_LIMIT = 1000


class ScheduleService:
    """Keep jobs that start by a cron line.

    Every method may be called from any thread. The daemon starts the runs, see
    `labstudio.schedules.loop.Scheduler`; without one nothing starts, and what fell due meanwhile is
    dealt with by the schedule's policy for missed runs when the next daemon comes.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.store = ScheduleStore(studio.database)

    def create(
        self, spec: CreateSchedule, *, user: str | None = None, root: Path | None = None
    ) -> Schedule:
        """Accept a schedule.

        Parameters
        ----------
        spec
            The job, the cron line, the time zone and the policies.
        user
            Whose it is; who runs this process when left out.
        root
            The folder that the job's path is relative to and may not leave, now and at each run.

        Raises
        ------
        InvalidInput, NotFound
            When a field is wrong or there is no such notebook; nothing is kept.
        """
        from labstudio.jobs.submission import current_user

        line = parse(spec.cron, spec.timezone)
        job = self._checked(spec.job, root)
        now = datetime.now(UTC)
        schedule_id = new_id()
        self.store.insert(
            {
                "id": schedule_id,
                "name": spec.name or job.name or default_name(job),
                "user": user or current_user(),
                "spec": job.model_dump(mode="json"),
                "root": str(root) if root is not None else None,
                "cron": line.cron,
                "timezone": spec.timezone,
                "missed": spec.missed.value,
                "overlap": spec.overlap.value,
                "paused": spec.paused,
                "created_at": now,
                "last_due_at": now,
                "revision": 1,
            }
        )
        return self.get(schedule_id)

    def list(self, user: str | None = None) -> SchedulePage:
        """Return the schedules, of one user or of all, newest first."""
        now = datetime.now(UTC)
        return SchedulePage(items=[to_schedule(row, now) for row in self.store.all(user)])

    def get(self, schedule_id: str) -> Schedule:
        """Return a schedule.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        return to_schedule(self.store.get(schedule_id), datetime.now(UTC))

    def update(self, schedule_id: str, changes: UpdateSchedule) -> Schedule:
        """Change a schedule; what is left out stays.

        With another cron line or time zone it starts afresh: nothing is due before now.

        Raises
        ------
        InvalidInput, NotFound
            When a field is wrong; nothing is changed then.
        """
        row = self.store.get(schedule_id)
        values: dict[str, Any] = {
            name: value
            for name, value in changes.model_dump(mode="json", exclude={"job"}).items()
            if value is not None
        }
        line = parse(values.get("cron", row.cron), values.get("timezone", row.timezone))
        if "cron" in values or "timezone" in values:
            values |= {"cron": line.cron, "last_due_at": datetime.now(UTC)}
        if changes.job is not None:
            job = self._checked(changes.job, Path(row.root) if row.root else None)
            values["spec"] = job.model_dump(mode="json")
        self.store.update(schedule_id, **values)
        return self.get(schedule_id)

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule and its history; jobs that it started stay."""
        self.store.delete(schedule_id)

    def pause(self, schedule_id: str) -> Schedule:
        """Start no more runs until it is resumed."""
        self.store.update(schedule_id, paused=True)
        return self.get(schedule_id)

    def resume(self, schedule_id: str) -> Schedule:
        """Start runs again; what fell due while it was paused is not made up for."""
        if self.store.get(schedule_id).paused:
            self.store.update(schedule_id, paused=False, last_due_at=datetime.now(UTC))
        return self.get(schedule_id)

    def run(self, schedule_id: str) -> Job:
        """Start a run now, whatever the cron line, a pause and the overlap policy say.

        Raises
        ------
        InvalidInput, NotFound
            When the job cannot be submitted; the history says so too.
        """
        from labstudio.schedules.firing import fire_manually

        return fire_manually(self._studio, self.store, schedule_id)

    def history(self, schedule_id: str, limit: int = 50, cursor: str | None = None) -> FirePage:
        """Return what became of a schedule's due times, newest first."""
        if not 1 <= limit <= HISTORY_LIMIT:
            raise InvalidInput(f"limit must be within 1 to {HISTORY_LIMIT}.", field="limit")
        self.store.get(schedule_id)
        items, next_cursor = self.store.history(schedule_id, limit, cursor)
        return FirePage(items=items, next_cursor=next_cursor)

    def preview(self, request: PreviewSchedule) -> SchedulePreview:
        """Explain a cron line in words, with the next five runs."""
        line = parse(request.cron, request.timezone)
        runs = line.next_runs(NEXT_RUNS, datetime.now(UTC))
        return SchedulePreview(words=line.words, next_runs=runs)

    def _checked(self, job: CreateJob, root: Path | None) -> CreateJob:
        """Return a job's specification as it can be submitted later, from another folder.

        Raises
        ------
        InvalidInput, NotFound
            When it could not be submitted now.
        """
        if job.idempotency_key is not None:
            raise InvalidInput(
                "idempotency_key names one job; a schedule makes many.",
                field="job.idempotency_key",
            )
        if job.kind is JobKind.function:
            raise InvalidInput("job.kind cannot be `function` in a schedule.", field="job.kind")
        if job.kind is JobKind.cell:
            if not (job.code or "").strip():
                message = "job.code is missing: a cell needs its source."
                raise InvalidInput(message, field="job.code")
            self._studio.computes.check_job(placed(job, None), root, root)
            return job
        if not job.path:
            raise InvalidInput("job.path is missing: which notebook?", field="job.path")
        try:
            own = self._studio.jobs.inspect(job.path, root).compute
        except NotFound as error:
            raise NotFound(error.message, **{**error.details, "field": "job.path"}) from error
        folder = (root or Path.cwd()) / Path(job.path.removeprefix("/") if root else job.path)
        self._studio.computes.check_job(placed(job, own), folder.parent, root)
        if root is None:
            # The daemon will submit it, from another folder than this process's.
            path = Path(job.path).expanduser().absolute()
            return job.model_copy(update={"path": str(path)})
        return job


def to_schedule(row: Row[Any], now: datetime) -> Schedule:
    """Return a row as the API shows it."""
    line = parse(row.cron, row.timezone)
    return Schedule(
        id=row.id,
        name=row.name,
        user=row.user,
        job=CreateJob.model_validate(row.spec),
        cron=row.cron,
        timezone=row.timezone,
        words=line.words,
        missed=row.missed,
        overlap=row.overlap,
        paused=row.paused,
        created_at=row.created_at,
        next_runs=[] if row.paused else line.next_runs(NEXT_RUNS, now),
        last_job_id=row.last_job_id,
        revision=row.revision,
    )


def default_name(job: CreateJob) -> str:
    """Return a name for a schedule that was given none."""
    return Path(job.path).name if job.path else "cell"
