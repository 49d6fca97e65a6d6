"""A stop is honoured within five seconds, with the whole process tree, whatever the code does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from harness import House, house
from waiting import eventually

from labstudio.jobs.models import Environment, Job, JobState

pytestmark = pytest.mark.faults

LIMIT_S = 5.0

# Children that ignore what they can: one below, one in a session of its own, one forgotten twice.
CHILDREN = """
import os, signal, subprocess, sys
code = (
    "import signal, time\\n"
    "for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):\\n"
    "    signal.signal(each, signal.SIG_IGN)\\n"
    "time.sleep(600)"
)
child = [sys.executable, "-S", "-c", code]
subprocess.Popen(child)
subprocess.Popen(child, start_new_session=True)
os.system("setsid " + sys.executable + " -S -c 'import time; time.sleep(600)' &")
print("ready", flush=True)
"""
DEAF = """
import signal, time
for each in (signal.SIGINT, signal.SIGTERM):
    signal.signal(each, signal.SIG_IGN)
while True:
    time.sleep(1)
"""
IN_C = "import ctypes\nctypes.PyDLL(None).sleep(600)\n"
BUSY_IN_C = "7 ** (10 ** 9)\n"
FORKING = """
import os, time
while True:
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    time.sleep(0.05)
"""

BODIES = {
    "plain": "import time\ntime.sleep(600)\n",
    "deaf": DEAF,
    "sleep in C": IN_C,
    "busy in C": BUSY_IN_C,
    "forking": FORKING,
}


@pytest.fixture(scope="module")
def home() -> Iterator[House]:
    with house(max_jobs=6) as made:
        made.start_daemon()
        yield made


def submit(home: House, kind: str, body: str, **fields: Any) -> Job:
    code = CHILDREN + body
    if kind == "script":
        return home.script(code, **fields)
    if kind == "notebook":
        return home.notebook(code, **fields)
    return home.cell(code, **fields)


def stop(home: House, job: Job) -> float:
    """Stop a job; return how long it took until it had ended."""
    asked = time.monotonic()
    home.jobs.stop(job.id)
    home.await_end(job)
    return time.monotonic() - asked


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize("kind", ["script", "notebook"])
def test_a_stop_ends_the_whole_tree_in_time(home: House, kind: str, body: str) -> None:
    job = submit(home, kind, BODIES[body], retries=2)
    home.await_log(job, "ready")
    time.sleep(0.2)
    took = stop(home, job)
    home.check_no_job_processes(1.0)
    ended = home.jobs.detail(job.id)
    assert ended.state is JobState.stopped, home.describe(job.id)
    assert len(ended.attempts) == 1
    assert took < LIMIT_S, home.describe(job.id)


@pytest.mark.parametrize(("kind", "body"), [("script", "deaf"), ("cell", "busy in C")])
def test_a_time_limit_ends_the_whole_tree_too(home: House, kind: str, body: str) -> None:
    job = submit(home, kind, BODIES[body], timeout_s=3)
    ended = home.await_end(job)
    home.check_no_job_processes(1.0)
    assert ended.state is JobState.failed
    assert ended.error == "The job ran longer than its limit of 3 s."
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert (ended.ended_at - ended.started_at).total_seconds() < 3 + LIMIT_S + 2  # and its start


SLOW_BACKEND = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
def build_wheel(*args, **kwargs):
    time.sleep(600)
prepare_metadata_for_build_wheel = get_requires_for_build_wheel = build_wheel
"""


def test_a_stop_ends_the_building_of_an_environment(home: House) -> None:
    package = home.work / "slow"
    package.mkdir()
    (package / "backend.py").write_text(SLOW_BACKEND)
    (package / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "slow"\nversion = "1"\n'
    )
    job = home.script(
        "print('never')", environment=Environment(requirements=[f"slow @ file://{package}"])
    )

    def building() -> bool:
        return any(
            "backend" in " ".join(each.cmdline())
            or "uv" in each.name()
            or "pip" in " ".join(each.cmdline())
            for each in home.processes()
        )

    eventually(building, 40, lambda: home.describe(job.id))
    time.sleep(1)
    assert stop(home, job) < LIMIT_S, home.describe(job.id)
    assert home.state(job) is JobState.stopped
    home.check_no_job_processes(2.0)


def test_a_stop_ends_what_waits(home: House) -> None:
    failing = home.script("raise SystemExit(1)", retries=3, retry_backoff_s=600)
    eventually(
        lambda: home.jobs.get(failing.id).next_attempt_at, 40, lambda: home.describe(failing.id)
    )
    assert home.state(failing) is JobState.queued
    assert stop(home, failing) < 1
    ended = home.jobs.detail(failing.id)
    assert ended.state is JobState.stopped
    assert len(ended.attempts) == 1
    time.sleep(1)
    assert home.jobs.get(failing.id).attempt == 1


def test_a_stop_that_comes_as_an_attempt_fails_is_not_overlooked() -> None:
    with house() as home:
        job = home.script("raise SystemExit(1)", retries=3, retry_backoff_s=600)
        store = home.jobs.store
        seen = store.begin_attempt(job.id, 1, "worker")
        assert seen is not None
        home.jobs.stop(job.id)
        assert store.finish_attempt(seen, 1, JobState.failed)
        assert home.jobs.get(job.id).state.final
        assert home.jobs.get(job.id).next_attempt_at is None


def test_stops_while_queued_and_while_the_daemon_is_dead() -> None:
    with house(max_jobs=1) as home:
        home.start_daemon()
        running = submit(home, "script", DEAF)
        home.await_log(running, "ready")
        eventually(lambda: home.state(running) is JobState.running, 40, "it is not on record")
        queued = home.script("print('never')")
        time.sleep(0.5)
        assert stop(home, queued) < 1
        home.kill_daemon()
        dead = home.script("print('never')", name="dead")
        home.jobs.stop(running.id)
        home.jobs.stop(dead.id)
        time.sleep(0.5)
        assert home.state(running) is JobState.running
        assert home.state(dead) is JobState.stopped
        home.start_daemon()
        assert home.await_end(running).state is JobState.stopped
        for job in (queued, dead):
            assert home.jobs.get(job.id).attempt == 0
        home.check_jobs()
        home.studio.keeper.stop()
        home.check_no_orphans()


def test_a_stop_does_not_wait_for_the_tracking_server() -> None:
    with house(tracking=True) as home:
        home.start_daemon()
        server = next(
            each
            for each in home.processes()
            if "labstudio.experiments.server_main" in each.cmdline()
        )
        server.suspend()
        try:
            job = home.script("print('never')")
            home.await_state(job, "starting")
            time.sleep(0.3)
            assert stop(home, job) < LIMIT_S
            assert home.state(job) is JobState.stopped
        finally:
            server.resume()
