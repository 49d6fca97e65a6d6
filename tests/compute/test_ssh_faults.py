"""Jobs over SSH when the link is cut, the daemon is killed, or the host is started anew."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ssh_host import SshHost

from labstudio.compute.conformance import said
from labstudio.compute.conformance_place import Place, eventually, place
from labstudio.compute.conformance_scripts import TICKS
from labstudio.compute.ssh.kind import studio_id
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.models import JobState

pytestmark = [pytest.mark.slow, pytest.mark.faults]

CUT_S = 60.0
JOBS = 10
WAIT_S = 120.0
# Says in the user's HOME there that it ran, however often that is.
ONCE = """
import os, pathlib, sys, time
with open(pathlib.Path.home() / "ran", "a") as file:
    file.write(os.environ["LABSTUDIO_JOB_ID"] + "\\n")
"""
LOGS = """
import os, time
import mlflow
print("begun", flush=True)
for step in range(40):
    mlflow.log_metric("step", step, step=step)
    time.sleep(1)
"""


@pytest.fixture(scope="module")
def there(ssh_host: SshHost) -> Iterator[Place]:
    """A studio whose jobs go to the host, ten at once."""
    many = {"cpus": float(JOBS), "max_jobs": JOBS, "python": sys.executable}
    with place(ssh_host.settings(**many)) as made:
        yield made


def ran(host: SshHost, job: JobHandle) -> int:
    """Say how often a job's code ran."""
    return (host.home / "ran").read_text().splitlines().count(job.id)


def ticks(number: int) -> str:
    """Return what a whole log of so many ticks is."""
    return "".join(f"tick {n}\n" for n in range(number))


def detail(there: Place, job: JobHandle) -> Any:
    """Return all that is known of a job."""
    return there.studio.jobs.detail(job.id)


@pytest.mark.timeout(300)
def test_a_minute_without_network_loses_nothing(there: Place, ssh_host: SshHost) -> None:
    logs = there.script("logs.py", ONCE + LOGS)
    there.await_log(logs, "begun")
    ended = there.script("ended.py", ONCE + TICKS, parameters={"ticks": 9000})
    long = there.script("long.py", ONCE + TICKS, parameters={"ticks": 800})
    short = there.script("short.py", ONCE + TICKS, parameters={"ticks": 200})
    for job in (ended, long, short):
        there.await_log(job, "tick 2\n")
    with ssh_host.away():
        cut_at = time.monotonic()
        eventually(lambda: "out of reach" in _message(there, long), "nothing is said of the cut")
        assert time.monotonic() - cut_at < 10
        ended.stop()
        time.sleep(max(0.0, CUT_S - (time.monotonic() - cut_at)))
        assert not any(job.refresh().state.final for job in (short, long, logs, ended))
    assert ended.wait(WAIT_S).state is JobState.stopped, there.describe(ended)
    for job in (short, long, logs):
        assert job.wait(WAIT_S).state is JobState.succeeded, there.describe(job)
    assert said(short) == ticks(200)
    assert said(long) == ticks(800)
    logged = there.studio.jobs.metrics(logs.id).metrics["step"]
    assert {point.step: point.value for point in logged} == {step: step for step in range(40)}
    for job in (short, long, logs, ended):
        assert ran(ssh_host, job) == 1
        assert len(detail(there, job).attempts) == 1


@pytest.mark.timeout(300)
def test_a_killed_daemon_finds_its_ten_jobs_again(there: Place, ssh_host: SshHost) -> None:
    jobs = [
        there.script(f"job{n}.py", ONCE + TICKS, parameters={"ticks": 100}) for n in range(JOBS)
    ]
    for job in jobs:
        there.await_log(job, "tick 1\n")
    there.kill_daemon()
    there.start_daemon()
    for job in jobs:
        assert job.wait(WAIT_S).state is JobState.succeeded, there.describe(job)
        assert said(job) == ticks(100)
        assert ran(ssh_host, job) == 1
        assert len(detail(there, job).attempts) == 1
    # Of this studio: other tests share the host.
    left = f".cache/labstudio/{studio_id(there.studio.home)}/jobs/*"
    eventually(lambda: not list(ssh_host.home.glob(left)), "attempts are left on the host")


def test_a_daemon_that_returns_while_the_host_is_away_waits_for_it(
    there: Place, ssh_host: SshHost
) -> None:
    job = there.script("away.py", ONCE + TICKS, parameters={"ticks": 60})
    there.await_log(job, "tick 1\n")
    there.kill_daemon()
    with ssh_host.away():
        there.start_daemon()
        eventually(lambda: "out of reach" in _message(there, job), "nothing is said of the cut")
    assert job.wait(WAIT_S).state is JobState.succeeded, there.describe(job)
    assert said(job) == ticks(60)
    assert ran(ssh_host, job) == 1


def test_an_sshd_that_is_started_anew_ends_no_job(there: Place, ssh_host: SshHost) -> None:
    job = there.script("sshd.py", ONCE + TICKS, parameters={"ticks": 60})
    there.await_log(job, "tick 1\n")
    ssh_host.reboot()
    assert job.wait(WAIT_S).state is JobState.succeeded, there.describe(job)
    assert said(job) == ticks(60)
    assert ran(ssh_host, job) == 1


def _message(there: Place, job: JobHandle) -> str:
    progress = detail(there, job).progress
    return (progress.message or "") if progress else ""
