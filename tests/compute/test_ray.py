"""A Ray cluster as a compute."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from labstudio.compute.conformance import ConformanceSuite
from labstudio.compute.conformance_place import Place
from labstudio.compute.kind import Kind
from labstudio.compute.ray.cluster import Cluster
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.processes import marked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RECORD_S = 60.0


class TestRay(ConformanceSuite):
    """What every kind does."""

    @pytest.fixture(scope="class")
    @classmethod
    def settings(cls, ray_cluster: Cluster) -> dict[str, Any]:
        return {
            "type": "ray",
            "address": ray_cluster.address,
            "token_file": ray_cluster.token_file,
            # What waits does so in the studio's queue, where the urgent job overtakes.
            "cpus": 2.0,
        }

    def kill_runner(self, there: Place, job: JobHandle) -> None:
        """Find it by its mark: what is known of it here tells no process number."""
        runners = [
            process
            for process in marked(f"{job.id}/1")
            if "labstudio.jobs.runner" in process.cmdline()
        ]
        assert len(runners) == 1
        runners[0].kill()

    def find_leftovers(self, kind: Kind, folder: Path) -> list[str]:
        """Look for processes and for Ray's record, which goes some seconds after the end."""
        job_id = folder.parent.parent.name
        deadline = time.monotonic() + RECORD_S
        while True:
            left = [f"process {each.pid}" for each in marked(f"{job_id}/1")]
            left += [
                str(each["submission_id"])
                for each in kind.dashboard.jobs()  # type: ignore[attr-defined]
                if job_id in str(each["submission_id"])
            ]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.2)
