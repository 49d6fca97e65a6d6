"""A job begins while MLflow is only starting, or dies meanwhile, and has its run all the same."""

from __future__ import annotations

import pytest
from harness import House, house, kill
from waiting import eventually

from labstudio.experiments.connection import is_ready
from labstudio.jobs.models import Job, JobState
from labstudio.jobs.runner import protocol

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

EARLY = "print('early', flush=True)"
LOGS = "import mlflow\nmlflow.log_metric('score', 0.5)"


def begun(home: House) -> Job:
    """Submit the first job of a new home, and wait until its code runs."""
    job = home.notebook(EARLY, LOGS)
    home.await_log(job, "early", timeout_s=60)
    return job


def check(home: House, job: Job) -> None:
    assert home.await_end(job, 200).state is JobState.succeeded, home.describe(job.id)
    home.await_runs()
    home.check_runs()
    run = home.studio.tracking.get_run(home.jobs.get(job.id).run_id or "")
    assert run.metrics["score"].value == 0.5
    # Its run is one from its first moment, though it was made later.
    assert abs((run.start_time - job.created_at).total_seconds()) < 0.01


def test_the_first_job_of_a_home_does_not_wait_for_mlflow() -> None:
    """Nor does it lose its run when those who are to make it die meanwhile."""
    with house(tracking=True) as home:
        home.start_daemon()
        job = begun(home)
        assert not is_ready(home.home, timeout_s=0.2)
        assert home.jobs.get(job.id).run_id is None
        assert protocol.awaits_run(home.home.attempt(job.id, 1))
        kill(eventually(home.tracking_pid, 10, home.told))
        home.kill_daemon()
        home.start_daemon()
        check(home, job)
