"""The tutorial of computes, run as a job: the same function here, in a container, on a host."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from docker_engine import DockerEngine, entry
from ssh_host import SshHost

from labstudio._studio import Studio
from labstudio.compute.models import CreateCompute
from labstudio.jobs.models import JobState

TUTORIAL = Path(__file__).parents[2] / "notebooks" / "compute.ipynb"


@pytest.mark.slow
def test_the_tutorial_runs_on_every_compute(
    docker_engine: DockerEngine,
    ssh_host: SshHost,
    serving: Callable[..., AbstractContextManager[Studio]],
) -> None:
    with serving(max_jobs=2) as studio:
        host = ssh_host.settings(python=sys.executable, price_per_hour=3600.0)
        for name, settings in {"box": entry(docker_engine), "host": host}.items():
            kind = str(settings.pop("type"))
            studio.computes.add(CreateCompute(name=name, type=kind, settings=settings))
        job = studio.jobs.submit(TUTORIAL)
        assert job.wait(timeout_s=150).state is JobState.succeeded, (job.error, job.logs())
        shown = json.dumps(studio.jobs.notebook(job.id))
        assert all(f"<th>{name}</th>" in shown for name in ("local", "box", "host"))
        assert studio.usage.spent()["host"] > 0
