"""The verbs of reproducing: check the data, start, wait for the report, list."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pydantic import ValidationError

from labstudio.capture import artifacts, session
from labstudio.errors import InvalidInput, NotFound
from labstudio.experiments.recorder import JOB_TAG
from labstudio.experiments.wire import read_run
from labstudio.jobs.submission import current_user
from labstudio.reproduce import compare
from labstudio.reproduce.models import (
    REPORT,
    REPRODUCES_TAG,
    Reproduce,
    Reproduction,
    ReproductionPage,
    Verdict,
)
from labstudio.reproduce.report import look

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.capture.models import Capsule
    from labstudio.experiments.wire import Run
    from labstudio.jobs.models import Job
    from labstudio.reproduce.models import DataCheck

LISTED = 100
POLL_S = 0.2
REPORT_WAIT_S = 60.0


class ReproduceService:
    """Runs made again, with proof.

    Parameters
    ----------
    studio
        Whose runs.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def capsule(self, run_id: str) -> Capsule:
        """Return a run's capsule.

        Raises
        ------
        NotFound
            When there is no such run.
        InvalidInput
            When it has no capsule.
        """
        self._studio.tracking.get_run(run_id)
        session.settle()  # This very notebook may have made it a moment ago.
        if (found := artifacts.read_capsule(self._studio.tracking, run_id)) is None:
            raise InvalidInput(
                f"Run {run_id} has no capsule: it was made where labstudio did not record, and "
                "cannot be reproduced.",
                field="run_id",
            )
        return found

    def check(self, run_id: str, request: Reproduce | None = None) -> list[DataCheck]:
        """Say which of the data that a run read is as it was."""
        capsule = self.capsule(run_id)
        compute = (request and request.compute) or capsule.compute
        return compare.data(capsule.data, [], lambda each: look(each, compute))

    def start(
        self, run_id: str, request: Reproduce | None = None, *, user: str | None = None
    ) -> Job:
        """Submit a job that makes a run again; its report is made when it is over.

        Raises
        ------
        NotFound, InvalidInput, Conflict
            When it cannot be tried.
        """
        from labstudio.reproduce.plan import plan

        run, capsule = self._run(run_id), self.capsule(run_id)
        made = plan(self._studio, run, capsule, request or Reproduce())
        taken = made.taken
        jobs = self._studio.jobs.adopt(taken, user=user or current_user(), assigns=made.assigns)
        return jobs[0]

    def report(self, job: Job) -> Reproduction | None:
        """Return the report of a job that has ended; None while it is not written."""
        if job.run_id is None:
            return None
        return self._read(job.run_id)

    def wait(self, job_id: str, timeout_s: float | None = None) -> Reproduction:
        """Wait for a job and its report.

        Raises
        ------
        TimeoutError
            When that takes longer.
        """
        until = None if timeout_s is None else time.monotonic() + timeout_s
        over: float | None = None
        while True:
            job = self._studio.jobs.get(job_id)
            if job.state.final:
                over = over or time.monotonic()
                if (found := self.report(job)) is not None:
                    return found
                if time.monotonic() - over > REPORT_WAIT_S:
                    raise TimeoutError(f"Job {job_id} is over, and its report does not come.")
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"Job {job_id} is {job.state}; the time is over.")
            time.sleep(POLL_S)

    def list(self, run_id: str) -> ReproductionPage:
        """Return what was made of attempts to reproduce a run, newest first."""
        run = self._run(run_id)
        found = self._studio.tracking.call(
            "POST",
            "/api/2.0/mlflow/runs/search",
            experiment_ids=[run.experiment_id],
            filter=f"tags.`{REPRODUCES_TAG}` = '{run.id}'",
            order_by=["attributes.start_time DESC"],
            max_results=LISTED,
        )
        items = [self._told(run, read_run(each)) for each in found.get("runs", [])]
        return ReproductionPage(items=items)

    def _run(self, run_id: str) -> Run:
        if not run_id.isalnum():
            raise NotFound(f"There is no run {run_id[:64]!r}.", run_id=run_id)
        return self._studio.tracking.get_run(run_id)

    def _told(self, before: Run, after: Run) -> Reproduction:
        return self._read(after.id) or Reproduction(
            run_id=before.id,
            new_run_id=after.id,
            job_id=after.tags.get(JOB_TAG),
            verdict=Verdict.pending,
            message="It is not over yet.",
            compute=after.tags.get("labstudio.compute", "local"),
            created_at=after.start_time,
        )

    def _read(self, run_id: str) -> Reproduction | None:
        content = artifacts.read(self._studio.tracking, run_id, REPORT)
        try:
            return None if content is None else Reproduction.model_validate_json(content)
        except ValidationError:
            return None
