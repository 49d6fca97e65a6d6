"""Reading jobs: what is on record of them, and what their attempts left on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, JobFailed, NotFound
from labstudio.inputs import HIDDEN
from labstudio.jobs.left import JobFiles, JobMetrics, LogChunk, ResourceSeries
from labstudio.jobs.models import (
    Job,
    JobDetail,
    JobKind,
    JobPage,
    JobState,
    ListJobs,
    ParameterSpec,
)
from labstudio.jobs.store import JobStore

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labstudio._studio import Studio

LOG_CHUNK_BYTES = 1 << 20


class JobReader:
    """Follow jobs, and read what they left; nothing here changes anything."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.store = JobStore(studio.database)

    # Following

    def get(self, job_id: str) -> Job:
        """Return one job."""
        return self.store.get(job_id)

    def detail(self, job_id: str) -> JobDetail:
        """Return one job with all that is known of it."""
        from labstudio.jobs.runner.protocol import is_alive, read_result, read_status

        job = self.store.detail(job_id)
        job.spec.env = dict.fromkeys(job.spec.env, HIDDEN)
        for attempt in job.attempts:
            folder = self._studio.home.attempt(job_id, attempt.number)
            result, status = read_result(folder), read_status(folder)
            if result is not None:
                attempt.cells, attempt.not_returned = result.cells, result.not_returned
            elif status is not None:
                attempt.cells = status.cells
            # The runner keeps it; one that was killed could not say that the kernel is gone.
            if status is not None and status.kernel_kept_until and is_alive(folder):
                attempt.kernel_kept_until = status.kernel_kept_until
        return job

    def list(self, query: ListJobs | None = None, *, users: Sequence[str] | None = None) -> JobPage:
        """Return a page of jobs, newest first.

        Parameters
        ----------
        query
            Filters, limit and cursor.
        users
            Only jobs of these users; None for all.
        """
        items, cursor, counts = self.store.page(query or ListJobs(), users)
        return JobPage(items=items, next_cursor=cursor, counts=counts)

    def declared(self, job: JobDetail) -> Sequence[ParameterSpec]:
        """Return the parameters that a job's notebook declares, as it was at submission."""
        from labstudio.jobs.inspect import inspect_content
        from labstudio.jobs.snapshot import blob_path

        if job.kind is not JobKind.notebook or job.snapshot is None:
            return []
        entry = next(file for file in job.snapshot.files if file.path == job.snapshot.entry)
        content = blob_path(self._studio.home, entry.sha256).read_bytes()
        return inspect_content(content, entry.path).parameters

    # Reading what it left

    def log(
        self,
        job_id: str,
        offset: int = 0,
        limit: int = LOG_CHUNK_BYTES,
        attempt: int | None = None,
    ) -> LogChunk:
        """Return a piece of an attempt's log, from a byte offset."""
        from labstudio.jobs import files

        folder, number, ended = self._attempt(job_id, attempt)
        return files.read_log(folder, number, offset=offset, limit=limit, ended=ended)

    def resources(
        self, job_id: str, attempt: int | None = None, points: int = 600
    ) -> ResourceSeries:
        """Return what an attempt's processes used over time."""
        from labstudio.jobs import files

        folder, number, _ = self._attempt(job_id, attempt)
        return files.read_resources(folder, number, points=points)

    def metrics(self, job_id: str, points: int = 1000) -> JobMetrics:
        """Return what was logged to the job's run."""
        run_id = self.store.get(job_id).run_id
        if run_id is None:
            return JobMetrics(run_id=None)
        histories = self._studio.tracking.metric_histories(run_id, points=points)
        return JobMetrics(run_id=run_id, metrics=histories)

    def files(self, job_id: str, attempt: int | None = None) -> JobFiles:
        """List the files that an attempt left."""
        from labstudio.jobs import files

        folder, number, _ = self._attempt(job_id, attempt)
        return files.list_files(folder, number)

    def file_path(self, job_id: str, path: str, attempt: int | None = None) -> Path:
        """Find one of those files on disk.

        Raises
        ------
        NotFound
            When the job left no such file.
        """
        from labstudio.jobs import files

        return files.file_path(self._attempt(job_id, attempt)[0], path)

    def notebook(self, job_id: str, attempt: int | None = None) -> dict[str, Any]:
        """Return the output notebook as it is now."""
        from labstudio.jobs import files

        return files.read_notebook(self._attempt(job_id, attempt)[0])

    def html(self, job_id: str, attempt: int | None = None) -> str:
        """Return the output notebook as a page."""
        from labstudio.jobs import files

        return files.render_html(self._attempt(job_id, attempt)[0])

    def result(self, job_id: str) -> Any:
        """Return what a cell assigned, as a dictionary, or what a function returned.

        Raises
        ------
        JobFailed
            When the job did not succeed.
        """
        path = self.result_path(job_id)
        if path is None:
            return {}
        from labstudio.jobs.carry import unpack_result

        names = unpack_result(path)
        return names["return"] if self.get(job_id).kind is JobKind.function else names

    def result_path(self, job_id: str) -> Path | None:
        """Find the pickle of what a job gave back; None for a cell that assigns nothing.

        Raises
        ------
        JobFailed
            When the job did not succeed.
        """
        job = self.store.get(job_id)
        if job.state is not JobState.succeeded:
            raise JobFailed(
                f"The job has no result: it is {job.state}. {job.error or ''}".strip(),
                job_id=job_id,
            )
        if job.kind not in (JobKind.cell, JobKind.function):
            raise InvalidInput("Only cells and functions give a result back.", field="kind")
        if job.kind is JobKind.cell and not self.store.assigns(job_id):
            return None
        return self._studio.home.attempt(job_id, job.attempt) / "result.pkl"

    def _attempt(self, job_id: str, number: int | None) -> tuple[Path, int, bool]:
        """Return an attempt's folder, its number, and whether it has ended."""
        job = self.store.get(job_id)
        chosen = job.attempt if number is None else number
        if not 0 <= chosen <= job.attempt or (number == 0):
            raise NotFound(f"The job has made no attempt {number}.", job_id=job_id)
        waiting = job.state is JobState.queued
        ended = chosen < job.attempt or job.state.final or (waiting and job.attempt > 0)
        return self._studio.home.attempt(job_id, chosen), chosen, ended
