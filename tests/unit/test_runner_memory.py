"""Jobs that want more memory than there is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from runner_tools import Runs, cells, wait_for

from labstudio.compute.host.memory import MemoryKills
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.faults import tell_exit
from labstudio.jobs.runner.nursery import environment

GROUPS = Path("/sys/fs/cgroup")
LIMIT = """
import resource
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (128 << 20), resource.RLIM_INFINITY))
"""
TAKE = "block = bytearray(1 << 30)"
FILL = "blocks = []\nwhile True: blocks.append(bytearray(os.urandom(1 << 20)))"


@pytest.mark.slow
def test_a_notebook_over_its_limit_says_so(runs: Runs) -> None:
    folder = runs.run(cells(LIMIT, TAKE))
    error = runs.error(folder)
    assert (error.type, error.cell) == ("MemoryError", 3)
    assert "bytearray" in (error.traceback or "")


@pytest.mark.slow
def test_a_script_over_its_limit_says_so(runs: Runs) -> None:
    folder = runs.run(LIMIT + TAKE, entry="job.py", kind="script")
    assert runs.error(folder).type == "MemoryError"


@pytest.mark.slow
def test_what_a_shell_script_ran_was_killed(runs: Runs) -> None:
    code = f"{sys.executable} -S -c 'import os; os.kill(os.getpid(), 9)'"
    folder = runs.run(code, entry="job.sh", kind="script")
    error = runs.error(folder)
    assert error.message == (
        "job.sh ended with exit code 137: something that it ran was killed by signal SIGKILL; "
        "nobody asked labstudio for it: most often memory ran out."
    )
    assert error.message in runs.log(folder)


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with little memory, where this process may make one."""
    own = Path("/proc/self/cgroup").read_text().rpartition("0::")[2].splitlines()
    folder = GROUPS / own[0].lstrip("/") / f"labstudio-{os.getpid()}" if own else GROUPS
    if not (folder.parent / "cgroup.subtree_control").exists():
        pytest.skip("no control groups of version 2 here")
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")
    try:
        try:
            (folder / "memory.max").write_text(str(160 << 20))
            (folder / "memory.swap.max").write_text("0")
        except OSError as error:
            pytest.skip(f"memory cannot be limited here: {error}")
        yield folder
    finally:
        wait_for(lambda: not (folder / "cgroup.procs").read_text())
        folder.rmdir()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["notebook", "script"])
def test_the_system_kills_for_memory_and_that_is_said(runs: Runs, group: Path, kind: str) -> None:
    fill = f"import os\n{FILL}"
    made = {"entry": "job.py", "kind": "script"} if kind == "script" else {}
    folder = runs.make(fill if kind == "script" else cells(fill), **made)
    enter = f'echo $$ > {group}/cgroup.procs && exec "$0" -m labstudio.jobs.runner "$1"'
    command = ["sh", "-c", enter, sys.executable, str(folder)]
    subprocess.run(command, env=environment(), timeout=120, check=False)
    error = runs.error(folder)
    assert error.type == "Killed"
    assert "because memory ran out (signal SIGKILL)" in error.message
    assert protocol.read_result(folder) is not None


V2 = ("0::/user/job", "user/job/memory.events")
V2_ROOT = ("0::/outside/the/container", "memory.events")
V1 = ("3:cpu:/\n4:cpuset,memory:/user/job\n0::/", "memory/user/job/memory.oom_control")


@pytest.mark.parametrize(("own", "file"), [V2, V2_ROOT, V1])
def test_where_the_kernel_counts(tmp_path: Path, own: str, file: str) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    (proc / "self").mkdir(parents=True)
    (proc / "self" / "cgroup").write_text(own + "\n")
    (proc / "vmstat").write_text("nr_free_pages 1\noom_kill 7\n")
    counter = groups / file
    counter.parent.mkdir(parents=True)
    counter.write_text("low 0\noom_kill 2\n")
    kills = MemoryKills(proc, groups)
    assert kills.counter == counter
    assert not kills.happened()
    (proc / "vmstat").write_text("nr_free_pages 1\noom_kill 8\n")
    assert not kills.happened()
    counter.write_text("low 0\noom_kill 3\n")
    assert kills.happened()


def test_without_control_groups_the_machine_counts(tmp_path: Path) -> None:
    assert not MemoryKills(tmp_path, tmp_path).happened()
    (tmp_path / "vmstat").write_text("oom_kill 7\n")
    kills = MemoryKills(tmp_path, tmp_path)
    (tmp_path / "vmstat").write_text("oom_kill 8\n")
    assert kills.happened()


def test_this_machine_counts() -> None:
    kills = MemoryKills()
    assert kills.counter is not None
    assert not kills.happened()


@pytest.mark.parametrize(
    ("status", "memory", "told"),
    [
        (3, False, "It ended with exit code 3."),
        (1, True, "It ended with exit code 1; the system killed a process meanwhile because "
            "memory ran out."),
        (137, True, "It ended with exit code 137: something that it ran was killed because memory "
            "ran out (signal SIGKILL)."),
        (143, False, "It ended with exit code 143: something that it ran was killed by signal "
            "SIGTERM."),
        (255, False, "It ended with exit code 255."),
        (-9, True, "It was killed because memory ran out (signal SIGKILL)."),
        (-11, True, "It was killed by signal SIGSEGV: a crash in compiled code."),
        (-64, False, "It was killed by signal SIGRTMAX."),
        (-99, False, "It was killed by signal number 99."),
    ],
)  # fmt: skip
def test_how_an_end_is_told(status: int, told: str, *, memory: bool) -> None:
    assert tell_exit(status, "It", memory_ran_out=memory) == told
