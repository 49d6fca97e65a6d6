"""An attempt at a job, from the queue to its end.

The durable queue (DBOS) says *when*: it hands a worker the attempts that fit within the limits, and
hands them out again after a worker died. The compute (`labstudio.compute.kind`) says *how*: it has
a runner started and brings what comes of it into the attempt's folder. This module says *what*:
prepare, launch, follow the folder, record how it ended. Every step may be repeated: a runner claims
its folder once, and an attempt ends once: a worker that takes an attempt over finds the runner
alive and goes on.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from labstudio.compute.kind import Kind, Order, Presence, Signal
from labstudio.errors import NotFound, StudioError, Unavailable
from labstudio.jobs.models import JobDetail, JobError, JobState, Progress
from labstudio.jobs.ordering import make_order, reached
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.faults import RunError, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path
    from threading import Event

    from labstudio._studio import Studio
    from labstudio.compute.opened import OpenComputes

log = logging.getLogger(__name__)

POLL_S = 0.03
PROGRESS_S = 0.25
# The runner ends its own tree in about three seconds; after this the worker does it.
STOP_TIMEOUT_S = 4.0
# The same after a grace period, when what was saved has to come here as well.
NOTICE_TIMEOUT_S = 10.0
RETRY_S = 1.0
QUIET_S = 30.0
PRESENCE_S = 0.2
# How long an attempt's start may wait for its MLflow run, which otherwise is told later.
RUN_WAIT_S = 0.5
# An error that nobody foresaw may pass; one that comes so often does not.
TROUBLES = 3

_ENDS = {
    "succeeded": JobState.succeeded,
    "failed": JobState.failed,
    "timeout": JobState.failed,
    "stopped": JobState.stopped,
    "preempted": JobState.interrupted,
}
LOST = JobError(
    type="Lost",
    message="The job's process ended without a result: it was killed, or the machine went down.",
)

PREEMPTED = JobError(type="Preempted", message="The compute was taken away.")


class Engine:
    """Makes attempts on their computes.

    Parameters
    ----------
    studio
        The studio whose jobs they are.
    computes
        The places.
    worker
        The id under which this worker is known.
    run_of
        Gives a job the MLflow run to log to, and waits for it so many seconds at most; None where
        there is to be none, and without its id where it is not made yet.
    """

    def __init__(
        self,
        studio: Studio,
        computes: OpenComputes,
        worker: str,
        run_of: Callable[[str, float], protocol.Tracking | None],
    ) -> None:
        self._studio = studio
        self._store = studio.jobs.store
        self._computes = computes
        self._worker = worker
        self._run_of = run_of
        self._active: set[tuple[str, int]] = set()
        self._ended_elsewhere: set[tuple[str, int]] = set()
        self._preparing: dict[tuple[str, int], Event] = {}

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
        self._kind(job_id).signal(self._studio.home.attempt(job_id, number), Signal.kill)
        message = "The studio itself failed at this attempt; daemon.log says how."
        error = JobError(type="Internal", message=message)
        self._end(job_id, number, JobState.failed, error)

    def end(self, job_id: str, number: int, how: Signal, asked_at: float) -> None:
        """Tell an attempt to end, and end its processes when it does not.

        Parameters
        ----------
        job_id, number
            Which attempt; one of this worker's.
        how
            `Signal.stop`, or `Signal.preempt` where its compute is taken away: it then has a grace
            period.
        asked_at
            When that was asked for, on `time.monotonic`'s clock.
        """
        if (preparing := self._preparing.get((job_id, number))) is not None:
            preparing.set()
            return
        kind = self._kind(job_id)
        grace_s = kind.settings.grace_s + NOTICE_TIMEOUT_S
        limit_s = STOP_TIMEOUT_S if how is Signal.stop else grace_s
        patient = time.monotonic() - asked_at < limit_s
        folder = self._studio.home.attempt(job_id, number)
        kind.signal(folder, how if patient else Signal.kill)

    def _kind(self, job_id: str) -> Kind:
        return self._computes.get(self._store.get(job_id).compute)

    def _run(self, job_id: str, number: int) -> None:
        job = self._store.begin_attempt(job_id, number, self._worker)
        if job is None:
            return
        folder = self._studio.home.attempt(job_id, number)
        try:
            kind = self._computes.get(job.compute)
            if not kind.attach(folder):
                tracking = None if job.stop_requested else self._run_of(job_id, RUN_WAIT_S)
                if self._store.get(job_id).stop_requested:
                    self._store.finish_attempt(job, number, JobState.stopped)
                    return
                self._launch(kind, job, make_order(self._studio, kind, job, number, tracking))
        except Stopped:
            self._end(job_id, number, JobState.stopped)
            return
        except (StudioError, RunError) as error:
            if isinstance(error, Unavailable):
                raise
            self._end(job_id, number, JobState.failed, _setup_error(error))
            return
        self._follow(kind, job, number, folder)

    def _launch(self, kind: Kind, job: JobDetail, order: Order) -> None:
        key = (job.id, order.spec.attempt)
        if _noticed(job, order.spec.attempt):
            raise Stopped
        self._preparing[key] = order.given_up
        try:
            kind.prepare(order)
        finally:
            del self._preparing[key]
        if order.given_up.is_set():
            raise Stopped
        kind.launch(order)

    def _follow(self, kind: Kind, job: JobDetail, number: int, folder: Path) -> None:
        shown_at, looked_at, seen = 0.0, 0.0, 0
        awaits_run, unreachable = protocol.awaits_run(folder), False
        while True:
            if (result := protocol.read_result(folder)) is not None:
                self._conclude(kind, job, number, folder, result)
                return
            moment = time.monotonic()
            if moment - looked_at > PRESENCE_S:
                looked_at = moment
                if (job.id, number) in self._ended_elsewhere:
                    kind.signal(folder, Signal.kill)
                    return
                presence = kind.stream(folder)
                if presence is Presence.gone and protocol.read_result(folder) is None:
                    self._lose(kind, job, number, folder)
                    return
                if unreachable != (presence is Presence.unreachable):
                    unreachable, seen = not unreachable, 0
                    self._show(job, number, folder, out_of_reach=unreachable)
                awaits_run = awaits_run and not self._tell_run(kind, job.id, folder)
            if moment - shown_at > PROGRESS_S and not unreachable:
                shown_at = moment
                stamp = _stamp(folder / protocol.STATUS)
                if stamp != seen:
                    seen = stamp
                    self._show(job, number, folder)
            time.sleep(POLL_S)

    def _conclude(
        self, kind: Kind, job: JobDetail, number: int, folder: Path, result: protocol.Result
    ) -> None:
        """Record an attempt that left a result."""
        self._show(job, number, folder)
        kind.collect(folder)
        preempted = result.outcome == "preempted"
        state, at = _ENDS[result.outcome], result.ended_at
        error = PREEMPTED if preempted else result.error
        self._end(job.id, number, state, error, result.exit_code, at, preempted=preempted)
        self._clean(kind, folder)

    def _lose(self, kind: Kind, job: JobDetail, number: int, folder: Path) -> None:
        """Record an attempt that nobody makes any more, and that left no result."""
        kind.signal(folder, Signal.kill)
        error = kind.loss(folder) or LOST
        # A machine that may be taken away and vanishes was taken away, without notice.
        taken_away = kind.settings.preemptible and error.type == LOST.type
        self._end(job.id, number, JobState.interrupted, error, preempted=taken_away)
        self._clean(kind, folder)

    def _clean(self, kind: Kind, folder: Path) -> None:
        try:
            kind.clean(folder)
        except StudioError as error:
            # It ended, and that is recorded; the sweep removes what is left.
            log.warning("%s is not cleaned up: %s", folder, error)

    def _tell_run(self, kind: Kind, job_id: str, folder: Path) -> bool:
        """Tell an attempt that began without its run what it is; False while nobody knows."""
        tracking = self._run_of(job_id, 0.0)
        if tracking is not None and tracking.run_id is None:
            return False
        told = reached(kind, tracking) or protocol.Tracking(uri="")
        protocol.write_tracking(folder, told)
        return True

    def _show(
        self, job: JobDetail, number: int, folder: Path, *, out_of_reach: bool = False
    ) -> None:
        status = protocol.read_status(folder)
        progress: Progress | None = status.progress if status else None
        if out_of_reach:
            text = f"{job.compute} is out of reach; the job goes on there as far as is known."
            progress = (progress or Progress()).model_copy(update={"message": text})
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
        *,
        preempted: bool = False,
    ) -> None:
        job = self._store.detail(job_id)
        if job.stop_requested and state in (JobState.interrupted, JobState.failed):
            # It was being stopped; that its process was killed on the way is how it ended.
            state, error, preempted = JobState.stopped, None, False
        elif _noticed(job, number) and state in (JobState.interrupted, JobState.stopped):
            # Nobody stopped it: that is how it let go of its compute.
            state, error, preempted = JobState.interrupted, PREEMPTED, True
        self._store.finish_attempt(
            job,
            number,
            state,
            error=error,
            exit_code=exit_code,
            ended_at=ended_at,
            preempted=preempted,
        )


def _noticed(job: JobDetail, number: int) -> bool:
    """Say whether an attempt was told that its compute is taken away."""
    return any(each.number == number and each.notice_at is not None for each in job.attempts)


def _setup_error(error: StudioError | RunError) -> JobError:
    return error.error if isinstance(error, RunError) else _said("Setup", error.message)


def _said(type_: str, message: str) -> JobError:
    return JobError(type=type_, message=message)


def _stamp(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        return 0
