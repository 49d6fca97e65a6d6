"""An attempt at a job, from the queue to its end.

The durable queue (DBOS) says *when*: it hands a worker the attempts that fit within the limits, and
hands them out again after a worker died. This module says *what*: launch a runner, follow its
attempt folder, record how it ended. Every step may be repeated: a runner claims its folder once,
and an attempt ends once: a worker that takes an attempt over finds the runner alive and goes on.
"""

from __future__ import annotations

import logging
import time
from threading import Event
from typing import TYPE_CHECKING

from labstudio.errors import StudioError, Unavailable
from labstudio.jobs import processes
from labstudio.jobs.models import JobDetail, JobError, JobKind, JobState, Progress
from labstudio.jobs.runner import protocol
from labstudio.jobs.snapshot import blob_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labstudio.jobs.runner.nursery import Nursery
    from labstudio.studio import Studio

log = logging.getLogger(__name__)

POLL_S = 0.03
PROGRESS_S = 0.25
CLAIM_TIMEOUT_S = 60.0
# The runner ends its own tree in about three seconds; after this the worker does it.
STOP_TIMEOUT_S = 4.0
RETRY_S = 1.0

_ENDS = {
    "succeeded": JobState.succeeded,
    "failed": JobState.failed,
    "timeout": JobState.failed,
    "stopped": JobState.stopped,
}
LOST = JobError(
    type="Lost",
    message="The job's process ended without a result: it was killed, or the machine went down.",
)


class Engine:
    """Runs attempts on this machine.

    Parameters
    ----------
    studio
        The studio whose jobs they are.
    nursery
        Launches runners.
    worker
        The id under which this worker is known.
    run_of
        Gives an attempt the MLflow run to log to; None where tracking is off or away.
    """

    def __init__(
        self,
        studio: Studio,
        nursery: Nursery,
        worker: str,
        run_of: Callable[[JobDetail], protocol.Tracking | None],
    ) -> None:
        self._studio = studio
        self._store = studio.jobs.store
        self._nursery = nursery
        self._worker = worker
        self._run_of = run_of
        self._closing = Event()

    def run(self, job_id: str, number: int) -> None:
        """Make an attempt, or take it over; return when it has ended.

        A database that is locked and a disk that is full are waited for: what the attempt did is in
        its folder, and is recorded once it can be.
        """
        while True:
            try:
                self._run(job_id, number)
            except (Unavailable, OSError) as error:
                log.warning("Attempt %s of job %s waits: %s", number, job_id, error)
                time.sleep(RETRY_S)
            else:
                return

    def _run(self, job_id: str, number: int) -> None:
        job = self._store.begin_attempt(job_id, number, self._worker)
        if job is None:
            return
        folder = self._studio.home.attempt(job_id, number)
        if not (folder / protocol.CLAIM).exists():
            if job.stop_requested:
                self._store.finish_attempt(job, number, JobState.stopped)
                return
            try:
                self._launch(job, number, folder)
            except StudioError as error:
                if isinstance(error, Unavailable):
                    raise
                self._end(job, number, JobState.failed, JobError(type="Setup", message=str(error)))
                return
        self._follow(job, number, folder)

    def _launch(self, job: JobDetail, number: int, folder: Path) -> None:
        spec = job.spec
        assert job.snapshot is not None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if job.snapshot.payload:
            carried = folder / protocol.CARRY
            carried.unlink(missing_ok=True)
            carried.hardlink_to(blob_path(self._studio.home, job.snapshot.payload))
        protocol.write_spec(
            folder,
            protocol.AttemptSpec(
                job_id=job.id,
                attempt=number,
                kind=job.kind,
                entry=job.snapshot.entry,
                parameters=job.parameters,
                kernel_name=spec.kernel_name,
                environment=spec.environment,
                home=str(self._studio.home.path),
                env=spec.env,
                timeout_s=spec.timeout_s,
                keep_kernel_s=spec.keep_kernel_s,
                autolog=spec.autolog,
                outputs=spec.outputs,
                assigns=self._store.assigns(job.id),
                carry=job.snapshot.payload is not None,
                tracking=self._run_of(job),
                snapshot=job.snapshot,
                labels=job.tags,
            ),
        )
        plain = not spec.environment.requirements and spec.environment.python is None
        self._nursery.launch(folder, warm_ok=plain and job.kind is not JobKind.script)

    def _follow(self, job: JobDetail, number: int, folder: Path) -> None:
        launched, shown_at, seen = time.monotonic(), 0.0, 0
        while True:
            if (result := protocol.read_result(folder)) is not None:
                state = _ENDS[result.outcome]
                self._show(job, number, folder)
                self._end(job, number, state, result.error, result.exit_code)
                return
            claimed = (folder / protocol.CLAIM).exists()
            if claimed and self._lost(folder):
                processes.kill_attempt(folder)
                self._end(job, number, JobState.interrupted, LOST)
                return
            # Claiming the folder ourselves keeps a runner that was slow to come from starting now.
            if (
                not claimed
                and time.monotonic() - launched > CLAIM_TIMEOUT_S
                and protocol.claim(folder)
            ):
                error = JobError(type="Lost", message="The job's process could not be started.")
                self._end(job, number, JobState.interrupted, error)
                return
            if time.monotonic() - shown_at > PROGRESS_S:
                shown_at = time.monotonic()
                stamp = _stamp(folder / protocol.STATUS)
                if stamp != seen:
                    seen = stamp
                    self._show(job, number, folder)
            time.sleep(POLL_S)

    def _lost(self, folder: Path) -> bool:
        """Tell whether a claimed attempt's runner is gone and left no result."""
        if protocol.is_alive(folder):
            return False
        if protocol.read_runner(folder) is None:
            # It claimed the folder a moment ago and has not said yet who it is.
            age = time.time() - (folder / protocol.CLAIM).stat().st_mtime
            if age < CLAIM_TIMEOUT_S / 6:
                return False
        # Alive when the result was looked for, and gone now: it may have written it in between.
        return protocol.read_result(folder) is None

    def _show(self, job: JobDetail, number: int, folder: Path) -> None:
        status = protocol.read_status(folder)
        progress: Progress | None = status.progress if status else None
        running = progress is not None and progress.phase in ("running", "collecting")
        if progress is not None:
            self._store.progress(job.id, number, progress, running=running)

    def _end(
        self,
        job: JobDetail,
        number: int,
        state: JobState,
        error: JobError | None = None,
        exit_code: int | None = None,
    ) -> None:
        current = self._store.detail(job.id)
        if current.stop_requested and state in (JobState.interrupted, JobState.failed):
            # It was being stopped; that its process was killed on the way is how it ended.
            state, error = JobState.stopped, None
        self._store.finish_attempt(current, number, state, error=error, exit_code=exit_code)


def stop_attempt(folder: Path, asked_at: float) -> None:
    """Ask a runner to stop, and end its processes when it does not.

    Parameters
    ----------
    folder
        The attempt's folder.
    asked_at
        When the stop was asked for, on `time.monotonic`'s clock.
    """
    if time.monotonic() - asked_at < STOP_TIMEOUT_S:
        protocol.request_stop(folder)
    else:
        processes.kill_attempt(folder)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
