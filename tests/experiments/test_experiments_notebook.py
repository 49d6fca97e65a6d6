"""The example of experiments, run as a job: from the first metric to a reproduction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labstudio._studio import Studio
from labstudio.jobs.models import JobState

EXAMPLE = Path(__file__).parents[2] / "notebooks" / "experiments.ipynb"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_example_runs_as_a_job(live_studio: Studio) -> None:
    job = live_studio.jobs.submit(EXAMPLE, parameters={"epochs": 8})
    assert job.wait(timeout_s=350).state is JobState.succeeded, (job.error, job.logs())
    shown = json.dumps(live_studio.jobs.notebook(job.id))
    assert "It agrees" in shown
    model = live_studio.registry.get("tumours")
    assert [version.version for version in model.versions] == [1]
