"""Jobs on a real Ray cluster: what is Ray's own."""

from __future__ import annotations

import json
import time
from pathlib import Path

import httpx
import psutil
import pytest
from ray_cluster import Attempts

from labstudio.compute.kind import Presence, Signal
from labstudio.compute.models import Need
from labstudio.errors import InvalidInput, Unavailable
from labstudio.jobs.models import Environment
from labstudio.jobs.processes import marked
from labstudio.jobs.runner import protocol

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SLEEPS = """
import time
print("begun", flush=True)
try:
    time.sleep(600)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def marker(folder: Path) -> str:
    return protocol.read_spec(folder).marker


def test_that_a_stop_interrupts_and_no_secret_was_shown(ray_attempts: Attempts) -> None:
    kind = ray_attempts.kind()
    code = (
        f"import os\nprint(os.environ['SECRET'][::-1], os.environ['CUDA_VISIBLE_DEVICES']){SLEEPS}"
    )
    folder = ray_attempts.launch(kind, code, env={"SECRET": "s3cret"}, need=Need(cpus=1, gpus=1))
    ray_attempts.until(lambda: ray_attempts.printed(folder, "terc3s 0\nbegun"))
    shown = json.dumps(kind.dashboard.jobs())
    assert marker(folder) in shown
    assert "s3cret" not in shown
    assert marked(marker(folder))
    began = time.monotonic()
    kind.signal(folder, Signal.stop)
    assert ray_attempts.result(kind, folder).outcome == "stopped"
    assert time.monotonic() - began < 5
    assert ray_attempts.printed(folder, "interrupted")
    ray_attempts.until(lambda: not marked(marker(folder)), 5)


def test_that_a_sweep_spares_what_is_kept_and_a_killed_driver_is_told(
    ray_attempts: Attempts,
) -> None:
    kind = ray_attempts.kind()
    kept, dropped = (ray_attempts.launch(kind, SLEEPS, need=Need(cpus=0.5)) for _ in range(2))
    for folder in (kept, dropped):
        ray_attempts.until(lambda at=folder: ray_attempts.printed(at, "begun"))
    assert kind.sweep({marker(kept)}) == 1
    assert ray_attempts.result(kind, dropped).outcome == "stopped"
    assert kind.stream(kept) is Presence.running
    for pid in _drivers_of(kept):
        psutil.Process(pid).kill()
    ray_attempts.until(lambda: kind.stream(kept) is Presence.gone)
    assert protocol.read_result(kept) is None
    loss = kind.loss(kept)
    assert loss is not None
    assert "ended without a result" in loss.message
    ray_attempts.until(lambda: not marked(marker(kept)), 5)


def _drivers_of(folder: Path) -> list[int]:
    """Find the driver by the guard that it started: both have the same submission."""
    submission = f"labstudio-{folder.parent.parent.name}-1"
    found = []
    for process in psutil.process_iter():
        try:
            driver = "labstudio.compute.ray.driver" in process.cmdline()
            if driver and submission in process.environ().get("RAY_JOB_CONFIG_JSON_ENV_VAR", ""):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_that_ray_queues_what_does_not_fit_and_a_stop_ends_it_at_once(
    ray_attempts: Attempts,
) -> None:
    kind = ray_attempts.kind()
    first = ray_attempts.launch(kind, SLEEPS, need=Need(cpus=2))
    ray_attempts.until(lambda: ray_attempts.printed(first, "begun"))
    second = ray_attempts.launch(kind, "print('never')", need=Need(cpus=2))
    ray_attempts.until(lambda: protocol.read_status(second) is not None)
    assert kind.stream(second) is Presence.coming
    status = protocol.read_status(second)
    assert status is not None
    assert "2 cores" in str(status.progress.message)
    kind.signal(second, Signal.stop)
    assert ray_attempts.result(kind, second).outcome == "stopped"
    kind.signal(first, Signal.kill)
    assert ray_attempts.result(kind, first).outcome == "stopped"
    assert not ray_attempts.printed(second, "never")


def test_that_large_outputs_fail_clearly_or_come_by_the_storage(
    ray_attempts: Attempts, tmp_path: Path
) -> None:
    writes = "open('large.bin', 'wb').write(bytes(range(256)) * 8192)"
    narrow = ray_attempts.kind(returns="1MiB")
    refused = ray_attempts.launch(narrow, writes)
    stored = ray_attempts.kind(returns="1MiB", storage=f"file://{tmp_path}/storage")
    brought = ray_attempts.launch(stored, writes)
    result = ray_attempts.result(narrow, refused)
    assert result.outcome == "failed"
    assert result.error is not None
    assert "2.0 MiB" in result.error.message
    assert "storage" in result.error.message
    assert ray_attempts.result(stored, brought).outcome == "succeeded"
    assert (brought / "work" / "large.bin").read_bytes() == bytes(range(256)) * 8192


def test_what_the_cluster_has(ray_attempts: Attempts) -> None:
    capacity = ray_attempts.kind().capacity()
    assert (capacity.cpus, capacity.gpus) == (2, 1)
    assert capacity.memory_bytes > 0
    assert ray_attempts.kind(cpus=8).capacity().cpus == 8
    resources = ray_attempts.kind().resources()
    assert resources.cpus >= 1
    assert 0 < resources.memory_used_bytes < resources.memory_bytes


def test_that_a_wrong_token_and_a_silent_dashboard_are_told(
    ray_attempts: Attempts, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("wrong")
    with pytest.raises(InvalidInput, match="token_file"):
        ray_attempts.kind(token_file=str(tmp_path / "token")).capacity()
    with pytest.raises(InvalidInput, match="cannot be read"):
        ray_attempts.kind(token_file=str(tmp_path / "none")).capacity()
    with pytest.raises(Unavailable, match="does not answer"):
        ray_attempts.kind(address="http://127.0.0.1:9").capacity()
    with pytest.raises(httpx.HTTPStatusError):
        httpx.get(f"{ray_attempts.cluster.address}/api/jobs/").raise_for_status()


def test_that_a_python_of_the_jobs_own_is_refused(ray_attempts: Attempts) -> None:
    order = ray_attempts.order("pass", environment=Environment(python="/usr/bin/python3"))
    with pytest.raises(InvalidInput, match="nodes"):
        ray_attempts.kind().prepare(order)
