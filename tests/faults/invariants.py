"""What must hold of a home, whatever was killed."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa
from waiting import eventually

from labstudio._studio import Studio
from labstudio.database import tables
from labstudio.experiments.recorder import ERROR_TAG, JOB_TAG, STATUS
from labstudio.home import Home
from labstudio.jobs.models import JobDetail, JobState
from labstudio.jobs.runner import protocol

FINAL = {JobState.succeeded, JobState.failed, JobState.stopped, JobState.interrupted}


class Invariants(ABC):
    """The checks of a `House`, which gives what they look at."""

    studio: Studio
    home: Home

    @abstractmethod
    def all_jobs(self) -> list[JobDetail]: ...

    @abstractmethod
    def describe(self, job_id: str) -> str: ...

    @abstractmethod
    def told(self) -> str: ...

    @abstractmethod
    def processes(self) -> list[psutil.Process]: ...

    def check_jobs(self) -> None:
        """Every accepted job ended exactly once, and its attempts tell a whole story."""
        for job in self.all_jobs():
            told = self.describe(job.id)
            assert job.state in FINAL, told
            assert job.ended_at is not None, told
            numbers = [attempt.number for attempt in job.attempts]
            assert numbers == list(range(1, len(numbers) + 1)), told
            assert job.attempt == len(numbers), told
            assert len(numbers) <= job.attempts_allowed, told
            for attempt in job.attempts:
                assert attempt.state in FINAL, told
                assert attempt.ended_at is not None, told
                assert attempt.started_at is not None, told
                assert attempt.ended_at >= attempt.started_at, told
            for attempt in job.attempts[:-1]:
                assert attempt.state in (JobState.failed, JobState.interrupted), told
                assert attempt.cause, told
                assert attempt.error, told
            if job.attempts:
                last = job.attempts[-1]
                assert last.state == job.state, told
                if job.state in (JobState.failed, JobState.interrupted):
                    assert job.error, told
                    assert len(numbers) == job.attempts_allowed, told
            else:
                assert job.state is JobState.stopped, told

    def await_runs(self, timeout_s: float = 120.0) -> None:
        """Wait until the run of every job that has ended is closed."""
        jobs = tables.jobs.c
        query = sa.select(jobs.id, jobs.run_state).where(jobs.run_state != "closed")

        def still_open() -> list[Any]:
            with self.studio.database.read() as connection:
                return list(connection.execute(query))

        eventually(
            lambda: not still_open(), timeout_s, lambda: f"{still_open()}\n{self.told()}", 0.5
        )

    def check_runs(self) -> None:
        """Every job has one run in MLflow, ended as the job did, with its whole log."""
        tracking, found = self.studio.tracking, self.all_jobs()
        for job in found:
            told = self.describe(job.id)
            assert job.run_id, told
            run = tracking.get_run(job.run_id)
            assert run.status == STATUS[job.state], told
            assert run.tags[JOB_TAG] == job.id, told
            assert run.tags["labstudio.state"] == job.state.value, told
            assert (ERROR_TAG in run.tags) == (job.state is not JobState.succeeded), told
            folder = f"{run.experiment_id}/{run.id}/artifacts/job"
            kept = self.home.artifacts / folder / protocol.LOG
            written = self.home.attempt(job.id, job.attempt) / protocol.LOG
            assert kept.read_bytes() == written.read_bytes(), told
        runs = {job.run_id for job in found}
        assert len(runs) == len(found)
        # Nor were there made any that no job knows of.
        with sqlite3.connect(self.home.tracking_database_path) as connection:
            made = {row[0] for row in connection.execute("SELECT run_uuid FROM runs")}
        assert made == runs, f"runs of no job: {made - runs}"

    def check_no_orphans(self, timeout_s: float = 5.0) -> None:
        """No process of this home is left at all."""
        eventually(
            lambda: not self.processes(),
            timeout_s,
            lambda: (
                "left over: "
                + "; ".join(
                    f"{each.pid} {' '.join(each.cmdline())[:150]}" for each in self.processes()
                )
            ),
            pause_s=0.2,
        )

    def check_no_job_processes(self, timeout_s: float = 5.0) -> None:
        """No process carries a job's mark; daemon, nursery and warm kernels may live."""

        def marked() -> list[str]:
            return [
                f"{each.pid} {' '.join(each.cmdline())[:150]}"
                for each in self.processes()
                if _mark(each.pid)
            ]

        eventually(lambda: not marked(), timeout_s, lambda: f"left over: {marked()}", pause_s=0.2)


def _mark(pid: int) -> str:
    try:
        environ = (Path("/proc") / str(pid) / "environ").read_bytes()
    except OSError:
        return ""
    for part in environ.split(b"\0"):
        if part.startswith(b"LABSTUDIO_ATTEMPT="):
            return part.partition(b"=")[2].strip(b" ").decode()
    return ""
