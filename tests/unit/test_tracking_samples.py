"""What jobs use, as points of their runs in MLflow, when the daemon changes meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from labstudio.experiments.recorder import Recorder
from labstudio.jobs.left import ResourceSample

if TYPE_CHECKING:
    from labstudio.experiments.tracking import Tracking

pytestmark = pytest.mark.slow

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def samples(seconds: int) -> list[ResourceSample]:
    began = NOW.timestamp()
    return [
        ResourceSample(t=began + second, cpu_percent=second, memory_bytes=2_000_000)
        for second in range(seconds)
    ]


def test_another_daemon_goes_on_where_the_one_before_was(tracking: Tracking) -> None:
    """Nothing is logged twice, and what was sampled while there was no daemon is not left out."""
    run_id = tracking.create_run(tracking.ensure_experiment("samples"), "job", start_time=NOW)
    Recorder(tracking).sample(run_id, samples(25))
    Recorder(tracking).sample(run_id, samples(55))
    cpu = tracking.metric_histories(run_id, system=True)["system/cpu_utilization_percentage"]
    assert [(point.step, point.value) for point in cpu] == [(n, n) for n in range(0, 60, 10)]
