"""The nursery: warm pairs, what becomes of them, and launching when it cannot help."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from runner_tools import Runs, cells, wait_for

from labstudio.home import Home
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.nursery import Nursery


@pytest.fixture
def nursery(home: Home) -> Iterator[Nursery]:
    made = Nursery(home, 2, settle_s=0.1)
    made.start()
    wait_for(lambda: made.status().ready == 2)
    yield made
    made.close()


def warm_processes(home: Home) -> list[psutil.Process]:
    """The processes of warm pairs: their numbers begin the names of their sockets."""
    owners = {int(path.name.split("-")[0]) for path in protocol.kernel_folder(home).iterdir()}
    found = []
    for pid in owners:
        with contextlib.suppress(psutil.NoSuchProcess):
            runner = psutil.Process(pid)
            found += [runner, *runner.children()]
    return found


@pytest.mark.slow
def test_pairs_are_ready_used_once_and_replaced(nursery: Nursery) -> None:
    home = nursery.home
    status = nursery.status()
    assert status.wanted == 2
    assert 20e6 < status.memory_bytes < 600e6
    before = {process.pid for process in warm_processes(home)}
    assert len(before) == 4
    runs = Runs(home, nursery)
    pids = []
    for turn in range(3):
        wait_for(lambda: nursery.status().ready == 2)
        code = "import os, random; print(os.getpid(), 'mine' in globals(), random.random())"
        folder = runs.run(cells(code, f"mine = {turn}"))
        assert runs.outcome(folder) == "succeeded"
        pids.append(runs.log(folder).split())
    assert int(pids[0][0]) in before
    assert len({pid for pid, _, _ in pids}) == 3
    assert {seen for _, seen, _ in pids} == {"False"}
    assert len({number for _, _, number in pids}) == 3
    runs.close()


@pytest.mark.slow
def test_a_runner_belongs_to_nobody_and_the_nursery_has_one_thread(nursery: Nursery) -> None:
    runs = Runs(nursery.home, nursery)
    folder = runs.start(cells("import time; print('here'); time.sleep(60)"))
    wait_for(lambda: b"here" in runs.bytes(folder, "log"))
    info = protocol.read_runner(folder)
    assert info is not None
    assert info.kernel_pid is not None
    assert nursery.pid is not None
    assert os.getsid(info.pid) == info.pid
    assert os.getpgid(info.kernel_pid) == info.kernel_pid
    assert psutil.Process(info.pid).ppid() not in (nursery.pid, os.getpid())
    assert psutil.Process(nursery.pid).num_threads() == 1
    # Nothing of the nursery's is open in the runner: its end of a socket would keep others alive.
    sockets = list(Path(f"/proc/{info.kernel_pid}/fd").iterdir())
    assert len(sockets) < 60
    runs.stop(folder)
    runs.close()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["closed", "killed"])
def test_warm_pairs_end_with_the_nursery_and_attempts_go_on(home: Home, how: str) -> None:
    nursery = Nursery(home, 1, settle_s=0.1)
    nursery.start()
    wait_for(lambda: nursery.status().ready == 1)
    runs = Runs(home, nursery)
    folder = runs.start(cells("import time; print('here')", "time.sleep(2)", "print('end')"))
    wait_for(lambda: b"here" in runs.bytes(folder, "log"))
    wait_for(lambda: nursery.status().ready == 1)
    info = protocol.read_runner(folder)
    assert info is not None
    idle = [each for each in warm_processes(home) if each.pid not in (info.pid, info.kernel_pid)]
    assert len(idle) == 2
    pid = nursery.pid
    assert pid is not None
    if how == "killed":
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: nursery.pid not in (None, pid))
    else:
        nursery.close()
    wait_for(lambda: not any(each.is_running() and each.status() != "zombie" for each in idle))
    wait_for(lambda: protocol.read_result(folder) is not None)
    assert runs.outcome(folder) == "succeeded"
    assert runs.log(folder) == "here\nend\n"
    if how == "killed":
        after = runs.run(cells("print('again')"))
        assert runs.outcome(after) == "succeeded"
    nursery.close()
    runs.close()


@pytest.mark.slow
def test_the_nursery_ends_with_the_process_that_keeps_it(home: Home) -> None:
    code = (
        "import sys, time\nfrom labstudio.home import Home\n"
        "from labstudio.jobs.runner.nursery import Nursery\n"
        "n = Nursery(Home(sys.argv[1]), 1)\nn.start()\n"
        "while n.status().ready < 1: time.sleep(0.01)\n"
        "print(n.pid, flush=True)\ntime.sleep(300)\n"
    )
    keeper = subprocess.Popen([sys.executable, "-c", code, str(home.path)], stdout=subprocess.PIPE)
    assert keeper.stdout is not None
    pid = int(keeper.stdout.readline())
    idle = warm_processes(home)
    assert len(idle) == 2
    keeper.kill()
    keeper.wait()
    keeper.stdout.close()
    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie")
    wait_for(lambda: not any(each.is_running() and each.status() != "zombie" for each in idle))


@pytest.mark.slow
def test_a_warm_kernel_that_dies_is_replaced(nursery: Nursery) -> None:
    kernel = next(each for each in warm_processes(nursery.home) if not each.children())
    kernel.kill()
    runs = Runs(nursery.home, nursery)
    folders = [runs.start(cells("print('fine')")) for _ in range(3)]
    for folder in folders:
        wait_for(lambda f=folder: protocol.read_result(f) is not None)
        assert runs.outcome(folder) == "succeeded"
    wait_for(lambda: nursery.status().ready == 2)
    runs.close()


@pytest.mark.slow
def test_without_a_nursery_an_attempt_runs_all_the_same(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    nursery = Nursery(home, 1)
    runs = Runs(home, nursery)
    # No process of that name can be started, as when the machine is out of processes.
    real = subprocess.Popen

    def refuse(command: list[str], *args: object, **kwargs: object) -> object:
        if "labstudio.jobs.runner.nursery_main" in command:
            raise OSError(11, "Resource temporarily unavailable")
        return real(command, *args, **kwargs)

    monkeypatch.setattr(subprocess, "Popen", refuse)
    folder = runs.run(cells("print('alone')"))
    assert nursery.pid is None
    assert runs.log(folder) == "alone\n"
    assert runs.outcome(folder) == "succeeded"
    nursery.close()
    runs.close()


@pytest.mark.slow
def test_a_nursery_that_keeps_dying_is_left_alone(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"{home.path / 'bad'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    monkeypatch.setenv("PYTHONPATH", path)
    bad = home.path / "bad" / "IPython"
    bad.mkdir(parents=True)
    (bad / "__init__.py").write_text("raise SystemExit(3)")
    nursery = Nursery(home, 1)
    nursery.start()
    wait_for(lambda: nursery._rest_until > time.monotonic())
    assert nursery.pid is None
    nursery.close()


@pytest.mark.slow
def test_a_burst_runs_beside_each_other(nursery: Nursery) -> None:
    runs = Runs(nursery.home, nursery)
    source = cells(*[f"x{i} = {i}\nprint(x{i})" for i in range(20)])
    folders = [runs.start(source) for _ in range(10)]
    for folder in folders:
        wait_for(lambda f=folder: protocol.read_result(f) is not None)
        assert runs.outcome(folder) == "succeeded"
        assert runs.log(folder) == "".join(f"{i}\n" for i in range(20))
    runs.close()
