"""How jobs in containers end: by themselves, by memory, by others, with their runner or Engine."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_engine import DockerEngine, Engine, entry

from labstudio.compute.conformance import WAIT_S
from labstudio.compute.conformance_place import Place, eventually, opened, place
from labstudio.compute.docker.container import MARK_LABEL, find
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.runner import protocol

pytestmark = pytest.mark.slow

GREEDY = "x = bytearray(600 << 20)"
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("ready", flush=True)
time.sleep(600)
"""
SLEEP = "import time; print('ready', flush=True); time.sleep(600)"


@pytest.fixture(scope="module")
def ended(docker_place: Place) -> dict[str, JobHandle]:
    """Jobs that end each in its own way, side by side."""
    least = {"memory": "128MB"}
    jobs = {
        "memory": docker_place.script("greedy.py", GREEDY, need=least),
        "memory of a cell": docker_place.notebook("greedy.ipynb", "1", GREEDY, need=least),
        "137": docker_place.script("e.py", "import sys; sys.exit(137)"),
        "crash": docker_place.script("crash.py", "import ctypes; ctypes.string_at(0)"),
        "shell": docker_place.script("a.sh", 'echo "bash $BASH_VERSION"; exit 3'),
    }
    for job in jobs.values():
        job.wait(WAIT_S)
    return jobs


def container_of(there: Place, engine: Any, job: JobHandle) -> Any:
    """Return a job's container once it runs."""
    home, name = there.studio.home, there.name
    mark = f"{job.id}/1"
    return eventually(lambda: find(engine, home, name, mark), f"{mark} has no container")[0]


@pytest.mark.parametrize(
    ("name", "what"), [("memory", "greedy.py"), ("memory of a cell", "kernel")]
)
def test_memory_that_ran_out_is_said(ended: dict[str, JobHandle], name: str, what: str) -> None:
    assert "was killed because memory ran out" in (ended[name].error or "")
    assert what in (ended[name].error or "")
    assert "may hold 128 MB of memory" in ended[name].logs()


def test_an_exit_code_of_137_is_not_taken_for_memory(ended: dict[str, JobHandle]) -> None:
    assert "exit code 137" in (ended["137"].error or "")
    assert "memory did not run out" in (ended["137"].error or "")
    assert ended["137"].record.error != ended["memory"].record.error


def test_a_crash_is_told_by_its_signal(ended: dict[str, JobHandle]) -> None:
    assert "killed by signal SIGSEGV" in (ended["crash"].error or "")


def test_a_shell_script_runs_with_bash_where_there_is_one(ended: dict[str, JobHandle]) -> None:
    assert "bash 5" in ended["shell"].logs()
    assert "exit code 3" in (ended["shell"].error or "")


def test_a_kill_from_outside_is_told_from_memory(
    docker_place: Place, docker_engine: DockerEngine
) -> None:
    job = docker_place.script("killed.py", SLEEP)
    docker_place.await_log(job, "ready")
    container_of(docker_place, docker_engine.client, job).kill()
    job.wait(WAIT_S)
    assert "killed by signal SIGKILL; memory did not run out" in (job.error or "")


def test_a_container_removed_from_outside_interrupts_its_job(
    docker_place: Place, docker_engine: DockerEngine
) -> None:
    job = docker_place.script("removed.py", SLEEP)
    docker_place.await_log(job, "ready")
    container_of(docker_place, docker_engine.client, job).remove(force=True)
    job.wait(WAIT_S)
    assert job.state == "interrupted", docker_place.describe(job)


def test_a_stop_ends_everything_in_the_container(
    docker_place: Place, docker_engine: DockerEngine
) -> None:
    job = docker_place.script("deaf.py", DEAF)
    docker_place.await_log(job, "ready")
    container = container_of(docker_place, docker_engine.client, job)
    pids = [int(row[1]) for row in container.top()["Processes"]]
    assert len(pids) >= 3
    job.stop()
    job.wait(WAIT_S)
    assert job.state == "stopped"
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    eventually(
        lambda: (
            not find(
                docker_engine.client, docker_place.studio.home, docker_place.name, f"{job.id}/1"
            )
        ),
        "the container stays",
    )


def test_a_container_ends_with_its_runner(docker_place: Place, docker_engine: DockerEngine) -> None:
    job = docker_place.script("orphan.py", SLEEP)
    docker_place.await_log(job, "ready")
    container = container_of(docker_place, docker_engine.client, job)
    info = protocol.read_runner(docker_place.folder(job))
    assert info is not None
    os.kill(info.pid, signal.SIGKILL)
    job.wait(WAIT_S)
    assert job.state == "interrupted"
    eventually(lambda: _gone(docker_engine.client, container.id), "the container stays")


def test_a_sweep_removes_what_no_runner_looks_after(
    docker_place: Place, docker_engine: DockerEngine
) -> None:
    with opened(docker_place) as kind:
        folder, spec = docker_place.attempt("import time; time.sleep(600)")
        from labstudio.compute.kind import Order

        kind.launch(Order(folder, spec))
        client, home = docker_engine.client, docker_place.studio.home
        found = eventually(
            lambda: find(client, home, docker_place.name, spec.marker), "no container"
        )
        assert found[0].labels[MARK_LABEL] == spec.marker
        kind.sweep(())
        assert find(client, home, docker_place.name, spec.marker), "its runner looks after it"
        info = protocol.read_runner(folder)
        assert info is not None
        os.kill(info.pid, signal.SIGKILL)
        eventually(lambda: not protocol.is_alive(folder), "the runner lives")
        kind.sweep([spec.marker])
        assert find(client, home, docker_place.name, spec.marker), "it was to be kept"
        assert kind.sweep(()) == 1
        assert not find(client, home, docker_place.name, spec.marker)


def _gone(client: Any, container: str) -> bool:
    import docker

    try:
        client.containers.get(container)
    except docker.errors.NotFound:
        return True
    return False


# -- the Engine itself


@pytest.fixture
def own_engine(docker_engine: DockerEngine, tmp_path: Path) -> Iterator[Engine]:
    """The run's Engine, to be ended and started again; it runs afterwards."""
    yield docker_engine.engine
    if not docker_engine.engine.answers():
        docker_engine.engine.start()


@pytest.fixture(scope="module")
def place_of_ten(docker_engine: DockerEngine) -> Iterator[Place]:
    """A studio that runs ten jobs at once in containers, without MLflow."""
    with place(entry(docker_engine, cpus=64.0, max_jobs=10), tracking=False) as made:
        yield made


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_an_engine_that_restarts_under_a_job_leaves_a_clear_state(
    place_of_ten: Place, own_engine: Engine, how: str
) -> None:
    there = place_of_ten
    job = there.script("cut.py", SLEEP)
    there.await_log(job, "ready")
    getattr(own_engine, how)()
    own_engine.start()
    job.wait(WAIT_S)
    assert job.state == "interrupted", there.describe(job)
    assert "Docker Engine was restarted" in (job.error or ""), there.describe(job)
    again = there.script("again.py", "print('works')")
    again.wait(WAIT_S)
    assert again.state == "succeeded", there.describe(again)


@pytest.mark.faults
def test_ten_jobs_are_found_again_after_the_daemon_was_killed(
    place_of_ten: Place, docker_engine: DockerEngine
) -> None:
    there = place_of_ten
    code = "import time; print('ready', flush=True); time.sleep(6); print('done', flush=True)"
    jobs = [there.script(f"s{n}.py", code, need={"cpus": 0.2}) for n in range(10)]
    for job in jobs:
        there.await_log(job, "ready")
    there.kill_daemon()
    time.sleep(1.0)
    there.start_daemon()
    for job in jobs:
        job.wait(WAIT_S)
        assert job.state == "succeeded", there.describe(job)
        assert job.logs().count("ready") == 1, "it ran twice"
        assert job.record.attempt == 1
    eventually(
        lambda: not find(docker_engine.client, there.studio.home, there.name),
        "containers stay",
    )
