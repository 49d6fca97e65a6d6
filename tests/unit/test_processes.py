"""Finding and killing what is left of an attempt, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from labstudio.daemon.keeper import DaemonFile, read_daemon
from labstudio.home import Home
from labstudio.jobs.processes import PLACEHOLDER, kill_attempt, marked
from labstudio.jobs.runner import protocol
from labstudio.jobs.store import now

SLEEP = [sys.executable, "-c", "import time; time.sleep(300)"]


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[bytes]]]:
    made: list[subprocess.Popen[bytes]] = []
    yield made
    for process in made:
        process.kill()
        process.wait()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "jobs" / "job one" / "attempts" / "2"
    made.mkdir(parents=True)
    return made


def record(folder: Path, process: subprocess.Popen[bytes], shift: float = 0.0) -> None:
    info = protocol.RunnerInfo(
        pid=process.pid,
        create_time=psutil.Process(process.pid).create_time() + shift,
        boot_id=protocol.boot_id(),
        marker="job one/2",
    )
    protocol.write_model(folder / protocol.RUNNER, info)


def test_marked_processes_are_found_in_any_session(
    started: list[subprocess.Popen[bytes]], folder: Path
) -> None:
    def start(marker: str, **options: object) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "LABSTUDIO_ATTEMPT": marker}
        process = subprocess.Popen(SLEEP, env=environment, **options)  # type: ignore[call-overload]
        started.append(process)
        return process

    mine = start("job one/2", start_new_session=True)
    others = [start("job one/22"), start("job one/1"), start("job two/2")]
    time.sleep(0.2)
    assert [process.pid for process in marked("job one/2")] == [mine.pid]
    assert kill_attempt(folder) == [mine.pid]
    assert mine.poll() is not None
    assert all(process.poll() is None for process in others)
    assert kill_attempt(folder) == []


def test_sessions_and_descendants_are_found_without_a_mark(
    started: list[subprocess.Popen[bytes]], folder: Path
) -> None:
    code = (
        "import subprocess, sys, time\n"
        "for new in (False, True):\n"
        "    p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(300)'],\n"
        "                         start_new_session=new)\n"
        "    print(p.pid, flush=True)\n"
        "time.sleep(300)\n"
    )
    root = subprocess.Popen(
        [sys.executable, "-c", code], start_new_session=True, stdout=subprocess.PIPE
    )
    started.append(root)
    assert root.stdout is not None
    children = [psutil.Process(int(root.stdout.readline())) for _ in range(2)]
    record(folder, root)
    assert set(kill_attempt(folder)) == {root.pid, *(child.pid for child in children)}
    root.stdout.close()


def test_a_session_whose_leader_is_gone_is_found(
    started: list[subprocess.Popen[bytes]], folder: Path
) -> None:
    root = subprocess.Popen(
        ["sh", "-c", "sleep 300 & echo $!; read x"],
        start_new_session=True,
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
    )
    started.append(root)
    assert root.stdout is not None
    assert root.stdin is not None
    left = psutil.Process(int(root.stdout.readline()))
    record(folder, root)
    root.kill()
    root.wait()
    assert left.is_running()
    assert kill_attempt(folder) == [left.pid]
    root.stdout.close()
    root.stdin.close()


def test_a_number_used_again_is_not_hit(
    started: list[subprocess.Popen[bytes]], folder: Path
) -> None:
    other = subprocess.Popen(SLEEP, start_new_session=True)
    started.append(other)
    record(folder, other, shift=-100.0)
    assert not protocol.is_alive(folder)
    assert not protocol.request_stop(folder)
    assert kill_attempt(folder) == []
    assert other.poll() is None


def test_a_daemon_on_record_counts_in_its_own_boot_only(tmp_path: Path) -> None:
    home = Home(tmp_path)
    told = DaemonFile(
        pid=os.getpid(),
        create_time=psutil.Process().create_time(),
        started=protocol.started_at(os.getpid()),
        boot_id=protocol.boot_id(),
        version="1",
        started_at=now(),
    )
    protocol.write_model(home.daemon_json, told)
    assert read_daemon(home) == told
    protocol.write_model(home.daemon_json, told.model_copy(update={"boot_id": "another boot"}))
    assert read_daemon(home) is None


def test_what_was_recorded_before_a_reboot_is_not_hit(
    started: list[subprocess.Popen[bytes]], folder: Path
) -> None:
    other = subprocess.Popen(SLEEP, start_new_session=True)
    started.append(other)
    record(folder, other)
    info = protocol.read_runner(folder)
    assert info is not None
    info.boot_id = "another boot"
    protocol.write_model(folder / protocol.RUNNER, info)
    assert not protocol.is_alive(folder)
    assert kill_attempt(folder) == []
    assert other.poll() is None


def test_orphans_are_adopted_and_killed() -> None:
    code = (
        "import subprocess, sys\n"
        "from labstudio.jobs.processes import adopt_orphans, kill_descendants\n"
        "import time\n"
        "assert adopt_orphans()\n"
        "out = subprocess.run(['sh', '-c', 'setsid sleep 300 >/dev/null 2>&1 & echo $!'],\n"
        "                     capture_output=True, text=True).stdout\n"
        "time.sleep(0.2)\n"
        "print(int(out), kill_descendants())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    pid, killed = done.stdout.split(" ", 1)
    assert f"[{pid}]" == killed.strip()
    assert not psutil.pid_exists(int(pid))


def test_nothing_below_is_nothing_killed() -> None:
    # In a process of its own: below this one are the helpers of other tests.
    code = "from labstudio.jobs.processes import kill_descendants; print(kill_descendants())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_a_forked_process_shows_its_mark() -> None:
    code = (
        "import os\nfrom labstudio.jobs.processes import mark_process, marked\n"
        "assert mark_process('a/1')\nassert not mark_process('b/1')\n"
        "os.environ.clear()\n"
        "child = os.fork()\n"
        "if child == 0:\n    import time; time.sleep(300)\n"
        "found = {p.pid for p in marked('a/1')}\n"
        "os.kill(child, 9); os.waitpid(child, 0)\n"
        "assert found == {os.getpid(), child}, found\n"
    )
    environment = {**os.environ, "LABSTUDIO_ATTEMPT": PLACEHOLDER}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
