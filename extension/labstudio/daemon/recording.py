"""Keeps every job's MLflow run in step with the job, from its first moment to its last file."""

from __future__ import annotations

import json
import logging
import time
from threading import Condition, Event
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pydantic import ValidationError

from labstudio import changes
from labstudio.capture import jobs as capsules
from labstudio.capture import spool
from labstudio.database.tables import attempts, jobs
from labstudio.errors import Conflict, InvalidInput, NotFound, StudioError, Unavailable
from labstudio.experiments.connection import connection
from labstudio.experiments.place import Server, place
from labstudio.experiments.recorder import Recorder, Upload
from labstudio.experiments.server import TrackingServer, point_to
from labstudio.jobs import files
from labstudio.jobs.left import JobFile, ResourceSample
from labstudio.jobs.models import FINAL_STATES, JobState
from labstudio.jobs.runner import protocol
from labstudio.jobs.store import now
from labstudio.reproduce import report

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.jobs.models import JobDetail

log = logging.getLogger(__name__)

BATCH = 50
SAMPLE_S = 10.0
OPEN_S = 1.0
IDLE_S = 3600.0
NONE, OPEN, CLOSED = "none", "open", "closed"
# What is uploaded first when not everything fits.
_ORDER = {"notebook": 0, "log": 1, "output": 2}


class Recording:
    """Opens, feeds and closes the runs of jobs.

    Parameters
    ----------
    studio
        The studio whose jobs they are.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._server: TrackingServer | None = None
        self._recorder = Recorder(studio.tracking, studio.config.experiment)
        self._since = now()
        self._sampled_at = time.monotonic()
        self._read_to: dict[Path, int] = {}
        self._asked = Event()
        self._opened = Condition()
        self._wanted: dict[str, None] = {}

    def start(self) -> None:
        """Start the tracking server, unless the settings say none."""
        if self._studio.config.tracking:
            config, home = self._studio.config, self._studio.home
            if isinstance(where := place(config.tracking_uri), Server):
                point_to(home, where)
                return
            url = config.database_url or None
            self._server = TrackingServer(home, url, config.tracking_uri)
            self._server.start()
            spool.resume_left(self._studio.home)

    def close(self) -> None:
        """End the tracking server."""
        if self._server is not None:
            self._server.stop()

    def run_of(self, job_id: str, wait_s: float) -> protocol.Tracking | None:
        """Return the run that an attempt logs to; None where it is to have none.

        A new job's is made now; when that takes longer than `wait_s` it comes without its id, and
        is asked for again.
        """
        if not self._studio.config.tracking:
            return None
        deadline = time.monotonic() + wait_s
        while (found := self._found(job_id)).run_id is None:
            if found.run_state == CLOSED:
                return None
            self._wanted[job_id] = None
            self._asked.set()
            if (left := deadline - time.monotonic()) <= 0:
                break
            with self._opened:
                self._opened.wait(min(left, 0.05))
        where = connection(self._studio.home)
        return protocol.Tracking(
            uri=where.url,
            # A password reaches local jobs by MLflow's own variables, others by the gateway.
            token=None if where.user else where.token,
            run_id=found.run_id,
            experiment_id=found.experiment_id,
        )

    def open(self) -> None:
        """Open the runs of new jobs; of those first that wait for it to start."""
        if not self._studio.config.tracking:
            self._asked.wait(IDLE_S)
            return
        self._asked.clear()
        # Others add to it meanwhile.
        while wanted := list(self._wanted):
            job_id = wanted[0]
            try:
                self._open_run(job_id)
            finally:
                self._wanted.pop(job_id, None)
                with self._opened:
                    self._opened.notify_all()
        new = self._jobs(jobs.c.run_state == NONE)
        for job_id in new:
            self._open_run(job_id)
            if self._wanted:
                return
        if not new:
            self._asked.wait(OPEN_S)

    def step(self) -> None:
        """Feed the runs of running jobs, close those of ended ones."""
        if not self._studio.config.tracking:
            return
        if time.monotonic() - self._sampled_at >= SAMPLE_S:
            self._sampled_at = time.monotonic()
            self._feed()
        self._close()

    def _found(self, job_id: str) -> Any:
        query = sa.select(jobs.c.run_id, jobs.c.experiment_id, jobs.c.run_state).where(
            jobs.c.id == job_id
        )
        with self._studio.database.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"There is no job {job_id}.", job_id=job_id)
        return row

    def _open_run(self, job_id: str) -> None:
        """Make a job's run, once."""
        if self._found(job_id).run_state != NONE:
            return
        job = self._studio.jobs.store.detail(job_id)
        values: dict[str, Any] = {"run_state": CLOSED}
        try:
            # A daemon before this one may have made it and died before it could say so.
            run_id, experiment_id = self._recorder.begin(job, known=job.created_at > self._since)
            values = {"run_state": OPEN, "run_id": run_id, "experiment_id": experiment_id}
        except Unavailable:
            raise
        except StudioError as error:
            # What MLflow refuses once it refuses always; no other job shall wait for that.
            log.warning("Job %s has no run: %s", job_id, error)
        with self._studio.database.begin() as connection:
            connection.execute(
                jobs.update()
                .where(jobs.c.id == job_id)
                .values(**values, revision=jobs.c.revision + 1)
            )
            changes.record(connection, "jobs", job_id, "changed")

    def _feed(self) -> None:
        query = (
            sa.select(jobs.c.id, jobs.c.run_id, jobs.c.attempt)
            .join(attempts, attempts.c.job_id == jobs.c.id)
            .where(
                attempts.c.number == jobs.c.attempt,
                jobs.c.state == JobState.running.value,
                jobs.c.run_state == OPEN,
            )
        )
        with self._studio.database.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            self._sample(row.run_id, self._studio.home.attempt(row.id, row.attempt))

    def _close(self) -> None:
        ended = jobs.c.state.in_([state.value for state in FINAL_STATES])
        for job_id in self._jobs(sa.and_(ended, jobs.c.run_state == OPEN)):
            try:
                self._close_run(job_id)
            except (Unavailable, OSError) as error:
                # Tried again at the next step; the other runs are closed meanwhile.
                log.warning("The run of job %s waits to be closed: %s", job_id, error)

    def _close_run(self, job_id: str) -> None:
        job = self._studio.jobs.store.detail(job_id)
        assert job.run_id is not None
        folder = self._studio.home.attempt(job_id, job.attempt)
        uploads = self._uploads(folder, job.attempt) if job.attempt else []
        try:
            if job.attempt:
                self._sample(job.run_id, folder)
            self._recorder.finish(job.run_id, job, files=uploads, error=job.error_detail)
            self._keep_capsule(job, folder)
        except (NotFound, Conflict) as error:
            log.warning("The run of job %s cannot be closed: %s", job_id, error)
        self._read_to.pop(folder, None)
        with self._studio.database.begin() as connection:
            connection.execute(jobs.update().where(jobs.c.id == job_id).values(run_state=CLOSED))

    def _keep_capsule(self, job: JobDetail, folder: Path) -> None:
        if not self._studio.config.capture:
            return
        try:
            capsules.record(self._studio.tracking, self._studio.home, job, folder)
            report.record(self._studio, job)
        except InvalidInput as error:
            log.warning("The capsule of job %s is not kept whole: %s", job.id, error)

    def _jobs(self, condition: sa.ColumnElement[bool]) -> list[str]:
        query = sa.select(jobs.c.id).where(condition).order_by(jobs.c.id).limit(BATCH)
        with self._studio.database.read() as connection:
            return list(connection.scalars(query))

    def _sample(self, run_id: str, folder: Path) -> None:
        path = folder / protocol.RESOURCES
        try:
            with path.open("rb") as file:
                file.seek(self._read_to.get(folder, 0))
                lines = file.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            return
        samples = []
        for line in lines.splitlines():
            try:
                samples.append(ResourceSample(**json.loads(line)))
            except (ValueError, ValidationError):
                continue
        self._recorder.sample(run_id, samples)
        self._read_to[folder] = self._read_to.get(folder, 0) + len(lines)

    def _uploads(self, folder: Path, number: int) -> list[Upload]:
        wanted: list[JobFile] = sorted(
            (each for each in files.list_files(folder, number).items if each.role in _ORDER),
            key=lambda each: _ORDER[each.role],
        )
        return [
            Upload(
                each.path,
                files.file_path(folder, each.path),
                "outputs" if each.role == "output" else "job",
            )
            for each in wanted
        ]
