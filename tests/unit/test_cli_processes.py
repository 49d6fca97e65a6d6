"""`labstudio lab`, `daemon` and `worker` as a shell runs them: processes with signals and codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from labstudio._studio import Studio
from labstudio.home import Home
from labstudio.jobs.models import CreateJob, Job, JobState

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

TOKEN = "secret"
TICKS = "import time\nfor n in range({n}): print('tick', n, flush=True); time.sleep(0.1)"
Start = Callable[..., subprocess.Popen[bytes]]


def eventually(true: Callable[[], Any], timeout_s: float = 90.0) -> Any:
    deadline = time.monotonic() + timeout_s
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


@pytest.fixture
def opened(home: Home) -> Iterator[Studio]:
    studio = Studio(home.path)
    yield studio
    studio.keeper.stop()
    studio.close()


@pytest.fixture
def start(opened: Studio, tmp_path: Path) -> Iterator[Start]:
    """Start `labstudio ...`; it is ended with the test."""
    environment = {
        **os.environ,
        "LABSTUDIO_HOME": str(opened.home.path),
        "LABSTUDIO_TRACKING": "false",
        "LABSTUDIO_WARM_KERNELS": "0",
        "LABSTUDIO_HEARTBEAT_S": "0.5",
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_DATA_DIR": str(tmp_path / "data"),
    }
    started: list[subprocess.Popen[bytes]] = []

    def begin(*arguments: str) -> subprocess.Popen[bytes]:
        with (tmp_path / "said").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "labstudio", *arguments],
                env=environment,
                cwd=tmp_path,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=said,
                start_new_session=True,
            )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def answer(process: subprocess.Popen[bytes]) -> Any:
    """What a command printed as JSON, and its exit code."""
    text = process.communicate(timeout=90)[0]
    return json.loads(text), process.returncode


def script(studio: Studio, folder: Path, name: str, ticks: int) -> Job:
    path = folder / f"{name}.py"
    path.write_text(TICKS.format(n=ticks))
    return studio.jobs.create(CreateJob(path=str(path), files=[]))


def status_of(port: int, token: str | None) -> int | None:
    """The answer's code; None while nobody answers."""
    headers = {"Authorization": f"token {token}"} if token else {}
    address = f"http://127.0.0.1:{port}/labstudio/api/v1/status"
    try:
        with urlopen(Request(address, headers=headers), timeout=10) as got:
            return int(got.status)
    except HTTPError as error:
        return int(error.code)
    except OSError:
        return None


def test_lab_serves_with_a_token_only_and_leaves_the_daemon(
    start: Start, opened: Studio, tmp_path: Path
) -> None:
    lab = start(
        "lab",
        "--no-browser",
        "--allow-root",
        "--ServerApp.port=0",
        f"--ServerApp.root_dir={tmp_path}",
        f"--IdentityProvider.token={TOKEN}",
        "--ServerApp.jpserver_extensions={'labstudio_server': True}",
    )
    runtime = tmp_path / "data" / "runtime"
    (told,) = eventually(lambda: list(runtime.glob("jpserver-*.json")))
    assert told.stem == f"jpserver-{lab.pid}"  # the command has become the server
    port = json.loads(told.read_text())["port"]
    eventually(lambda: status_of(port, TOKEN) == 200)
    assert status_of(port, None) == 403
    assert status_of(port, "wrong") == 403
    pid = eventually(lambda: opened.keeper.status().pid)

    lab.send_signal(signal.SIGTERM)
    assert lab.wait(60) == 0
    assert status_of(port, TOKEN) is None
    assert opened.keeper.status().pid == pid
    assert answer(start("daemon", "--status", "--json"))[0]["pid"] == pid


def test_the_daemons_commands(start: Start, opened: Studio) -> None:
    told, code = answer(start("daemon", "--status", "--json"))
    assert (told["state"], code) == ("stopped", 1)
    told, code = answer(start("daemon", "--background", "--json"))
    assert (told["state"], code) == ("running", 0)
    pid = told["pid"]
    told, code = answer(start("daemon", "--status", "--json"))
    assert (told["state"], told["pid"], code) == ("running", pid, 0)
    second = start("daemon")
    assert second.wait(30) == 1  # there is one already
    told, code = answer(start("daemon", "--stop", "--json"))
    assert (told["state"], code) == ("stopped", 0)
    assert not Path(f"/proc/{pid}/exe").exists()
    told, code = answer(start("daemon", "--stop", "--json"))
    assert (told["state"], code) == ("stopped", 0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_daemon_in_the_foreground_ends_when_it_is_told(
    start: Start, opened: Studio, number: signal.Signals
) -> None:
    daemon = start("daemon")
    assert eventually(lambda: opened.keeper.status().pid) == daemon.pid
    daemon.send_signal(number)
    assert daemon.wait(30) == 0
    assert opened.keeper.status().state == "stopped"


def test_a_worker_takes_jobs_and_gives_back_what_it_has_when_it_ends(
    start: Start, opened: Studio, tmp_path: Path
) -> None:
    worker = start("worker")
    first = script(opened, tmp_path, "first", 1)

    def ended(job: Job) -> bool:
        return opened.jobs.get(job.id).ended_at is not None

    eventually(lambda: ended(first))
    detail = opened.jobs.detail(first.id)
    assert detail.state is JobState.succeeded
    assert (detail.attempts[0].worker or "").endswith(f"-{worker.pid}")
    assert opened.keeper.status().state == "stopped"  # it is no daemon

    long = script(opened, tmp_path, "long", 100)
    eventually(lambda: "tick 0" in opened.jobs.log(long.id).text)
    eventually(lambda: opened.jobs.get(long.id).state is JobState.running)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    assert opened.jobs.get(long.id).state is JobState.running
    # Whoever works for this database next follows it to its end; it is not begun again.
    answer(start("daemon", "--background", "--json"))
    eventually(lambda: ended(long))
    detail = opened.jobs.detail(long.id)
    assert (detail.state, len(detail.attempts)) == (JobState.succeeded, 1)
    assert opened.jobs.log(long.id).text.splitlines() == [f"tick {n}" for n in range(100)]
