"""What handles, widgets and magics need of a studio, be it at hand or behind the gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from labstudio.compute.models import ComputePage
    from labstudio.jobs.handle import JobHandle
    from labstudio.jobs.left import LogChunk
    from labstudio.jobs.models import (
        CreateJob,
        CreateSweep,
        Job,
        JobDetail,
        JobPage,
        ListJobs,
        RerunJob,
        SourceInfo,
    )
    from labstudio.status import DaemonStatus


class Jobs(Protocol):
    """The verbs of jobs."""

    def submit(self, source: Any, *args: Any, **fields: Any) -> JobHandle:
        """Submit a notebook, a script or a function."""

    def create(
        self,
        spec: CreateJob,
        *,
        payload: bytes | None = None,
        assigns: Sequence[str] = (),
        folder: Path | None = None,
    ) -> Job:
        """Accept one job."""

    def sweep(self, request: CreateSweep) -> Sequence[Job]:
        """Accept one job for each combination of the values listed."""

    def rerun(self, job_id: str, changes: RerunJob | None = None) -> Job:
        """Submit a job's own snapshot again, with changes."""

    def inspect(self, path: str) -> SourceInfo:
        """Say what a notebook or script offers before it is submitted."""

    def get(self, job_id: str) -> Job:
        """Return one job."""

    def detail(self, job_id: str) -> JobDetail:
        """Return one job with all that is known of it."""

    def list(self, query: ListJobs | None = None) -> JobPage:
        """Return a page of jobs, newest first."""

    def log(
        self, job_id: str, offset: int = 0, limit: int = ..., attempt: int | None = None
    ) -> LogChunk:
        """Return a piece of an attempt's log."""

    def result(self, job_id: str) -> Any:
        """Return what a cell assigned or a function returned."""

    def stop(self, job_id: str) -> Job:
        """End a job."""


class Computes(Protocol):
    """The verbs of computes."""

    def list(self) -> ComputePage:
        """Return every compute."""


class DaemonKeeper(Protocol):
    """What sees to it that a daemon runs."""

    def ensure(self) -> DaemonStatus:
        """Start the daemon unless it runs."""


class AnyStudio(Protocol):
    """A studio."""

    @property
    def jobs(self) -> Jobs:
        """Notebooks, scripts, cells and functions that run apart."""

    @property
    def computes(self) -> Computes:
        """The places where jobs run."""

    @property
    def keeper(self) -> DaemonKeeper:
        """Finds and starts the daemon."""
