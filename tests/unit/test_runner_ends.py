"""How attempts end otherwise than by themselves: stopped, out of time, killed, or kept alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from runner_tools import STOP_S, Runs, cells, wait_for

from labstudio.jobs.processes import kill_attempt, marked
from labstudio.jobs.runner import protocol

STUBBORN = {
    "plain": "import time\nprint('here', flush=True)\ntime.sleep(60)",
    "ignores": """
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
print('here', flush=True)
while True:
    time.sleep(60)
""",
    "catches": """
import time
print('here', flush=True)
while True:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        pass
""",
    "in C": """
import ctypes
print('here', flush=True)
libc = ctypes.PyDLL(None)   # holds the interpreter's lock: no Python code runs
while True:
    libc.sleep(60)
""",
    "children": """
import subprocess, sys, time
for session in (False, True):
    subprocess.Popen([sys.executable, '-c', '''
import signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(300)'''], start_new_session=session, env={} if session else None)
time.sleep(0.5)
print('here', flush=True)
time.sleep(60)
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("how", STUBBORN)
@pytest.mark.parametrize("kind", ["notebook", "script"])
def test_stop_ends_everything_in_time(runs: Runs, how: str, kind: str) -> None:
    code = STUBBORN[how]
    if kind == "notebook":
        folder = runs.start(cells("print('kept')", code))
    else:
        folder = runs.start(code, entry="run.py", kind="script")
    wait_for(lambda: b"here" in runs.bytes(folder, "log"))
    tree = runs.tree(folder)
    assert len(tree) >= (4 if how == "children" else 2)
    began = time.monotonic()
    assert protocol.request_stop(folder)
    wait_for(lambda: protocol.read_result(folder) is not None)
    assert time.monotonic() - began < STOP_S
    assert runs.outcome(folder) == "stopped"
    wait_for(lambda: not any(process.is_running() for process in tree), 2)
    assert not protocol.is_alive(folder)
    assert marked(f"{folder.parent.parent.name}/1") == []
    if kind == "notebook":
        assert runs.notebook(folder).cells[0].outputs[0].text == "kept\n"


def test_a_time_limit_ends_it(runs: Runs) -> None:
    folder = runs.run(cells("import time; print('a'); time.sleep(60)"), timeout_s=1.5)
    result = protocol.read_result(folder)
    assert result is not None
    assert result.outcome == "timeout"
    assert result.error is not None
    assert result.error.type == "Timeout"
    assert "1.5 s" in result.error.message


def test_what_the_code_left_behind_is_gone_and_files_are_listed(runs: Runs) -> None:
    code = """
import pathlib, subprocess
pathlib.Path('new.txt').write_text('hello')
pathlib.Path('old.csv').write_text('changed content')
pathlib.Path('out').mkdir(); pathlib.Path('out/m.bin').write_bytes(b'123')
p = subprocess.Popen(['sleep', '300'], start_new_session=True); print(p.pid)
"""
    folder = runs.run(
        cells(code), files={"old.csv": "a", "same.csv": "b", "kept.csv": "c"}, outputs=["kept.*"]
    )
    assert runs.outcome(folder) == "succeeded"
    listing = protocol.read_model(folder / protocol.OUTPUTS, protocol.OutputFiles)
    assert listing is not None
    assert {item.path: (item.size_bytes, item.declared) for item in listing.items} == {
        "kept.csv": (1, True),
        "new.txt": (5, False),
        "old.csv": (15, False),
        "out/m.bin": (3, False),
    }
    assert not Path(f"/proc/{runs.log(folder).strip()}").exists()


def test_a_second_runner_of_an_attempt_goes(runs: Runs) -> None:
    folder = runs.start(cells("import time; print('here'); time.sleep(60)"))
    wait_for(lambda: b"here" in runs.bytes(folder, "log"))
    first = protocol.read_runner(folder)
    done = subprocess.run(
        [sys.executable, "-m", "labstudio.jobs.runner", str(folder)], timeout=60, check=False
    )
    assert done.returncode == 0
    assert protocol.read_runner(folder) == first
    assert protocol.is_alive(folder)
    runs.stop(folder)


def test_a_killed_runner_takes_its_kernel_along(runs: Runs) -> None:
    code = """
import os, subprocess, sys, time
subprocess.Popen(['sleep', '300'], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    time.sleep(300)
print('here', flush=True)
time.sleep(300)
"""
    folder = runs.start(cells(code))
    wait_for(lambda: b"here" in runs.bytes(folder, "log"))
    tree = runs.tree(folder)
    info = protocol.read_runner(folder)
    assert info is not None
    assert info.kernel_pid is not None
    os.kill(info.pid, signal.SIGKILL)
    wait_for(lambda: not protocol.is_alive(folder))
    wait_for(lambda: protocol.process_of(info.kernel_pid, info.kernel_create_time) is None)
    assert protocol.read_result(folder) is None
    kill_attempt(folder)
    assert not any(process.is_running() and process.status() != "zombie" for process in tree)


def test_a_failed_notebooks_kernel_is_kept(runs: Runs) -> None:
    from jupyter_client.blocking import BlockingKernelClient

    folder = runs.start(cells("secret = 42", "1 / 0"), keep_kernel_s=600.0)
    wait_for(lambda: protocol.read_result(folder) is not None)
    assert runs.outcome(folder) == "failed"
    status = protocol.read_status(folder)
    assert status is not None
    assert status.kernel_kept_until is not None
    assert status.connection_file is not None
    assert protocol.is_alive(folder)
    client = BlockingKernelClient(connection_file=status.connection_file)
    client.load_connection_file()
    client.start_channels()
    try:
        reply = client.execute("", user_expressions={"it": "secret"}, reply=True, timeout=60)
        assert reply["content"]["user_expressions"]["it"]["data"]["text/plain"] == "42"
        client.shutdown()
    finally:
        client.stop_channels()
    wait_for(lambda: not protocol.is_alive(folder))
    assert not Path(status.connection_file).exists()
    status = protocol.read_status(folder)
    assert status is not None
    assert status.kernel_kept_until is None


@pytest.mark.slow
def test_a_kept_kernel_ends_with_its_time_or_when_asked(runs: Runs) -> None:
    short = runs.start(cells("1 / 0"), keep_kernel_s=1.0)
    long = runs.start(cells("1 / 0"), keep_kernel_s=600.0)
    for folder in (short, long):
        wait_for(lambda f=folder: protocol.read_result(f) is not None)
    wait_for(lambda: not protocol.is_alive(short))
    assert protocol.is_alive(long)
    assert protocol.request_stop(long)
    wait_for(lambda: not protocol.is_alive(long), 5)
    assert runs.outcome(long) == "failed"


def test_a_folder_without_an_attempt_ends_with_a_result(runs: Runs) -> None:
    folder = runs.home.attempt("nothing", 1)
    folder.mkdir(parents=True)
    subprocess.run(
        [sys.executable, "-m", "labstudio.jobs.runner", str(folder)], timeout=60, check=False
    )
    assert runs.error(folder).type == "BadAttempt"
