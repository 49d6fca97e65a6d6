"""Computes that are taken away, each a real one: notice, its engine's or host's own, and none."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import docker_engine
import pytest

import labstudio
from labstudio.checkpoint import whole
from labstudio.compute.conformance_place import Place, eventually, opened, place
from labstudio.compute.docker.container import find
from labstudio.compute.models import CreateCompute
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.models import JobDetail
from labstudio.jobs.processes import marked
from labstudio.jobs.runner import protocol

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SPOT = {"preemptible": True, "grace_s": 20.0, "cpus": 2.0, "max_jobs": 2}
STEPS, EVERY = 300, 20
LOOP = """
import os, time
from labstudio import checkpoint
done = checkpoint.load([])
print("run", os.environ["MLFLOW_RUN_ID"], "from", len(done), flush=True)
pause = 0 if done else 0.1
for n in checkpoint.steps(range({steps}), done, every={every}):
    done.append(n)
    print("step", n, flush=True)
    time.sleep(pause)
print("whole" if done == list(range({steps})) else done)
"""
HEEDLESS = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def studio_place() -> Iterator[Place]:
    """A studio to which each test's compute is added."""
    with place({"type": "local"}) as made:
        yield made


@pytest.fixture
def spot(studio_place: Place, request: pytest.FixtureRequest) -> Callable[[str], Place]:
    """Name a preemptible compute of a kind; jobs go there."""

    def named(kind: str) -> Place:
        studio = studio_place.studio
        if kind not in studio.computes.catalogue.entries():
            entry = {**ENTRIES[kind](request), **SPOT}
            type_ = entry.pop("type")
            studio.computes.add(CreateCompute(name=kind, type=type_, settings=entry))
        return Place(studio, kind, studio_place.work)

    return named


def _docker(request: pytest.FixtureRequest) -> dict[str, Any]:
    there = "/opt/studio"
    volume = f"{Path(labstudio.__file__).parents[1]}:{there}"
    engine = request.getfixturevalue("docker_engine")
    return docker_engine.entry(engine, volumes=[volume], env={"PYTHONPATH": there})


def _ssh(request: pytest.FixtureRequest) -> dict[str, Any]:
    entry: dict[str, Any] = request.getfixturevalue("ssh_host").settings(python=sys.executable)
    return entry


def _ray(request: pytest.FixtureRequest) -> dict[str, Any]:
    cluster = request.getfixturevalue("ray_cluster")
    return {"type": "ray", "address": cluster.address, "token_file": cluster.token_file}


ENTRIES = {"docker": _docker, "ssh": _ssh, "ray": _ray}


def begin(there: Place, every: int = STEPS) -> JobHandle:
    """Submit the loop, which saves at its end unless told otherwise; return when it is at work."""
    job = there.script("loop.py", LOOP.format(steps=STEPS, every=every))
    there.await_log(job, "step 2\n")
    return job


def log(there: Place, job: JobHandle, number: int) -> str:
    path = there.studio.home.attempt(job.id, number) / protocol.LOG
    return path.read_text() if path.exists() else ""


def steps(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"^step (\d+)$", text, re.MULTILINE)]


def runner(there: Place, job: JobHandle) -> int:
    """Return the runner's pid; a host of the tests' own shares processes with this machine."""
    info = eventually(lambda: protocol.read_runner(there.folder(job)), "no runner comes")
    return int(info.pid)


def goes_on(there: Place, job: JobHandle) -> JobDetail:
    """Wait for the end, and see that the second attempt went on where the first was cut off."""
    assert job.wait(120).state == "succeeded", there.describe(job)
    record = there.studio.jobs.detail(job.id)
    assert (record.preemptions, record.attempt) == (1, 2)
    first, second = (log(there, job, number) for number in (1, 2))
    begun_at = int(re.findall(r" from (\d+)$", second, re.MULTILINE)[0])
    assert f"goes on from the checkpoint of step {begun_at}." in second
    assert steps(second) == list(range(begun_at, STEPS))
    assert "whole" in second
    assert re.findall(r"^run (\w+) from", first + second, re.MULTILINE) == [record.run_id] * 2
    assert (record.attempts[0].cause or "").startswith("The "), record.attempts[0]
    assert "interruption 1 of 20 allowed" in (record.attempts[0].cause or "")
    return record


@pytest.mark.parametrize("kind", ["docker", "ssh", "ray"])
def test_nothing_is_lost_of_what_is_told_in_time(kind: str, spot: Callable[[str], Place]) -> None:
    there = spot(kind)
    job = begin(there)
    computes = there.studio.computes
    computes.drain(kind, draining=True, now=True)
    try:
        eventually(lambda: job.refresh().state == "queued", lambda: there.describe(job), 30)
        first = there.studio.jobs.detail(job.id).attempts[0]
        assert computes.detail(kind).waiting[0].id == job.id
        assert computes.detail(kind).running == 0
    finally:
        computes.drain(kind, draining=False)
    assert first.notice_at is not None
    assert first.ended_at is not None
    print(f"{kind}: {(first.ended_at - first.notice_at).total_seconds():.1f} s to the queue")
    assert "the code has 20 s" in log(there, job, 1), log(there, job, 1)
    goes_on(there, job)
    assert steps(log(there, job, 2))[0] == steps(log(there, job, 1))[-1] + 1


def test_a_container_that_the_engine_is_told_to_stop(spot: Callable[[str], Place]) -> None:
    there = spot("docker")
    job = begin(there)
    with opened(there) as kind:
        client = kind.client  # type: ignore[attr-defined]
        (container,) = find(client, there.studio.home, "docker", f"{job.id}/1")
        container.stop(timeout=10)
    goes_on(there, job)
    assert steps(log(there, job, 2))[0] == steps(log(there, job, 1))[-1] + 1


def test_a_runner_that_a_host_going_down_ends(spot: Callable[[str], Place]) -> None:
    there = spot("ssh")
    job = begin(there)
    os.kill(runner(there, job), signal.SIGTERM)
    goes_on(there, job)
    assert steps(log(there, job, 2))[0] == steps(log(there, job, 1))[-1] + 1


def test_a_host_that_vanishes_costs_what_was_done_since_the_last_checkpoint(
    spot: Callable[[str], Place],
) -> None:
    there = spot("ssh")
    job = begin(there, every=EVERY)
    saved = there.folder(job) / protocol.WORK / protocol.SAVED
    eventually(lambda: whole.newest(saved), lambda: there.describe(job))
    for each in marked(f"{job.id}/1"):
        each.kill()
    assert goes_on(there, job).attempts[0].notice_at is None
    brought = whole.newest(saved)
    assert brought is not None
    begun_at = steps(log(there, job, 2))[0]
    assert begun_at == whole.step_of(brought)
    assert begun_at % EVERY == 0
    lost = len(steps(log(there, job, 1))) - begun_at
    print(f"ssh: {lost} steps lost, {EVERY} between checkpoints")
    assert lost >= 0


def test_ray_tells_a_stop_from_a_notice(spot: Callable[[str], Place]) -> None:
    there = spot("ray")
    job = there.script("heedless.py", HEEDLESS)
    there.await_log(job, "up\n")
    began = time.monotonic()
    job.stop()
    assert job.wait(30).state == "stopped", there.describe(job)
    assert time.monotonic() - began < 8


KEPT = (
    "import numpy as np; large = np.arange(500_000); print('first cell', flush=True)",
    "import os; assert os.environ['LABSTUDIO_ATTEMPT'].endswith('/2'), 'once'; print('second')",
    "print('sum', int(large.sum()))",
)


@pytest.mark.parametrize("kind", ["docker", "ssh", "ray"])
def test_a_notebook_goes_on_at_the_cell_that_failed_with_its_variables(
    kind: str, spot: Callable[[str], Place]
) -> None:
    there = spot(kind)
    job = there.notebook(
        "kept.ipynb", *KEPT, retries=1, retry_backoff_s=0, checkpoint={"cells": True}
    )
    assert job.wait(120).state == "succeeded", there.describe(job)
    first, second = (log(there, job, number) for number in (1, 2))
    assert "first cell" in first
    assert "first cell" not in second
    assert "sum 124999750000" in second
