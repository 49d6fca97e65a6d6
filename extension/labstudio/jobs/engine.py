"""An attempt at a job, from the queue to its end.

The durable queue (DBOS) says *when*: it hands a worker the attempts that fit within the limits, and
hands them out again after a worker died. This module says *what*: launch a runner, follow its
attempt folder, record how it ended. Every step may be repeated: a runner claims its folder once,
and an attempt ends once: a worker that takes an attempt over finds the runner alive and goes on.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from labstudio.errors import NotFound, StudioError, Unavailable
from labstudio.home import write_atomic
from labstudio.jobs import processes
from labstudio.jobs.models import JobDetail, JobError, JobKind, JobState, Progress
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.late_run import NO_RUN
from labstudio.jobs.snapshot import blob_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.jobs.runner.nursery import Nursery

log = logging.getLogger(__name__)

POLL_S = 0.03
PROGRESS_S = 0.25
CLAIM_TIMEOUT_S = 60.0
# The runner ends its own tree in about three seconds; after this the worker does it.
STOP_TIMEOUT_S = 4.0
RETRY_S = 1.0
QUIET_S = 30.0
LIVENESS_S = 0.2
# How long an attempt's start may wait for its MLflow run, which otherwise is told later.
RUN_WAIT_S = 0.5
# An error that nobody foresaw may pass; one that comes so often does not.
TROUBLES = 3

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
        Gives a job the MLflow run to log to, and waits for it so many seconds at most; None where
        there is to be none, and without its id where it is not made yet.
    """

    def __init__(
        self,
        studio: Studio,
        nursery: Nursery,
        worker: str,
        run_of: Callable[[str, float], protocol.Tracking | None],
    ) -> None:
        self._studio = studio
        self._store = studio.jobs.store
        self._nursery = nursery
        self._worker = worker
        self._run_of = run_of
        self._active: set[tuple[str, int]] = set()
        self._ended_elsewhere: set[tuple[str, int]] = set()

    @property
    def active(self) -> set[tuple[str, int]]:
        """The attempts that this worker makes now."""
        return set(self._active)

    def let_go(self) -> None:
        """Find attempts that another worker ended, having taken this one for lost.

        Their processes here are killed: the job may have been given to somebody else since.
        """
        self._ended_elsewhere |= self._store.ended(self.active)

    def run(self, job_id: str, number: int) -> None:
        """Make an attempt, or take it over; return when it has ended.

        A database that is locked and a disk that is full are waited for: what the attempt did is in
        its folder, and is recorded once it can be.
        """
        self._active.add((job_id, number))
        try:
            self._insist(job_id, number)
        finally:
            self._active.discard((job_id, number))
            self._ended_elsewhere.discard((job_id, number))

    def _insist(self, job_id: str, number: int) -> None:
        troubles, told_at = 0, -QUIET_S
        while True:
            try:
                if troubles < TROUBLES:
                    self._run(job_id, number)
                else:
                    self._give_up(job_id, number)
            except NotFound:
                return  # The job was deleted.
            except (Unavailable, OSError) as error:
                if time.monotonic() - told_at >= QUIET_S:
                    told_at = time.monotonic()
                    log.warning("Attempt %s of job %s waits: %s", number, job_id, error)
            except Exception:
                log.exception("Attempt %s of job %s is in trouble.", number, job_id)
                troubles += 1
                if troubles > TROUBLES:
                    return
            else:
                return
            time.sleep(RETRY_S)

    def _give_up(self, job_id: str, number: int) -> None:
        """End an attempt that this worker cannot bring to an end otherwise."""
        processes.kill_attempt(self._studio.home.attempt(job_id, number))
        message = "The studio itself failed at this attempt; daemon.log says how."
        error = JobError(type="Internal", message=message)
        self._end(job_id, number, JobState.failed, error)

    def _run(self, job_id: str, number: int) -> None:
        job = self._store.begin_attempt(job_id, number, self._worker)
        if job is None:
            return
        folder = self._studio.home.attempt(job_id, number)
        if not (folder / protocol.CLAIM).exists():
            try:
                tracking = None if job.stop_requested else self._run_of(job_id, RUN_WAIT_S)
                if self._store.get(job_id).stop_requested:
                    self._store.finish_attempt(job, number, JobState.stopped)
                    return
                self._launch(job, number, folder, tracking)
            except StudioError as error:
                if isinstance(error, Unavailable):
                    raise
                told = JobError(type="Setup", message=error.message)
                self._end(job_id, number, JobState.failed, told)
                return
        self._follow(job, number, folder)

    def _launch(
        self, job: JobDetail, number: int, folder: Path, tracking: protocol.Tracking | None
    ) -> None:
        spec = job.spec
        assert job.snapshot is not None
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if tracking is None and self._studio.config.tracking:
            with (folder / protocol.LOG).open("a") as file:
                file.write(f"[labstudio] {NO_RUN}\n")
        if job.snapshot.payload:
            _bring(blob_path(self._studio.home, job.snapshot.payload), folder / protocol.CARRY)
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
                tracking=tracking,
                snapshot=job.snapshot,
                labels=job.tags,
            ),
        )
        plain = not spec.environment.requirements and spec.environment.python is None
        self._nursery.launch(folder, warm_ok=plain and job.kind is not JobKind.script)

    def _follow(self, job: JobDetail, number: int, folder: Path) -> None:
        launched, shown_at, looked_at, seen = time.monotonic(), 0.0, 0.0, 0
        awaits_run = protocol.awaits_run(folder)
        while True:
            if (result := protocol.read_result(folder)) is not None:
                self._show(job, number, folder)
                state = _ENDS[result.outcome]
                at = result.ended_at
                self._end(job.id, number, state, result.error, result.exit_code, at)
                return
            moment = time.monotonic()
            if moment - looked_at > LIVENESS_S:
                looked_at = moment
                if (job.id, number) in self._ended_elsewhere:
                    processes.kill_attempt(folder)
                    return
                if (error := self._gone(folder, moment - launched)) is not None:
                    self._end(job.id, number, JobState.interrupted, error)
                    return
                awaits_run = awaits_run and not self._tell_run(job.id, folder)
            if moment - shown_at > PROGRESS_S:
                shown_at = moment
                stamp = _stamp(folder / protocol.STATUS)
                if stamp != seen:
                    seen = stamp
                    self._show(job, number, folder)
            time.sleep(POLL_S)

    def _tell_run(self, job_id: str, folder: Path) -> bool:
        """Tell an attempt that began without its run what it is; False while nobody knows."""
        tracking = self._run_of(job_id, 0.0)
        if tracking is not None and tracking.run_id is None:
            return False
        protocol.write_tracking(folder, tracking or protocol.Tracking(uri=""))
        return True

    def _gone(self, folder: Path, waited_s: float) -> JobError | None:
        """Say why nobody makes the attempt any more, or that nobody came; None while it goes on."""
        if (folder / protocol.CLAIM).exists():
            if not self._lost(folder):
                return None
            processes.kill_attempt(folder)
            return LOST
        # Claiming the folder ourselves keeps a runner that was slow to come from starting now.
        if waited_s > CLAIM_TIMEOUT_S and protocol.claim(folder):
            return JobError(type="Lost", message="The job's process could not be started.")
        return None

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
        job_id: str,
        number: int,
        state: JobState,
        error: JobError | None = None,
        exit_code: int | None = None,
        ended_at: datetime | None = None,
    ) -> None:
        job = self._store.detail(job_id)
        if job.stop_requested and state in (JobState.interrupted, JobState.failed):
            # It was being stopped; that its process was killed on the way is how it ended.
            state, error = JobState.stopped, None
        self._store.finish_attempt(
            job, number, state, error=error, exit_code=exit_code, ended_at=ended_at
        )


def stop_attempt(folder: Path, asked_at: float) -> None:
    """Ask a runner to stop, and end its processes when it does not.

    Parameters
    ----------
    folder
        The attempt's folder.
    asked_at
        When the stop was asked for, on `time.monotonic`'s clock.
    """
    if _forestall(folder):
        return
    if time.monotonic() - asked_at < STOP_TIMEOUT_S:
        protocol.request_stop(folder)
    else:
        processes.kill_attempt(folder)


def _forestall(folder: Path) -> bool:
    """End an attempt whose runner was launched and has not come yet: it will find it claimed."""
    if not (folder / protocol.SPEC).exists() or not protocol.claim(folder):
        return False
    result = protocol.Result(outcome="stopped", ended_at=protocol.now())
    protocol.write_model(folder / protocol.RESULT, result, durable=True)
    return True


def _bring(blob: Path, carried: Path) -> None:
    """Lay the pickled names beside the attempt; a runner may be reading them already."""
    if carried.exists():
        return
    if not blob.exists():
        raise NotFound("The names that the job carries are gone from the studio home.")
    try:
        carried.hardlink_to(blob)
    except FileExistsError:
        return
    except OSError:
        # A file system without hard links, or too many of them.
        write_atomic(carried, blob.read_bytes())


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
