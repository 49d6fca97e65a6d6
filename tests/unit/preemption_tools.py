"""A studio whose machine may be taken away, and jobs that save checkpoints."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from labstudio._studio import Studio
from labstudio.experiments.connection import is_ready
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.runner import protocol

WAIT_S = 120.0
SPOT = "[local]\ntype = 'local'\npreemptible = true\ngrace_s = {}\n"


@contextmanager
def spot_studio() -> Iterator[Studio]:
    """Have a studio with a daemon, and its machine preemptible."""
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    (folder / "compute.toml").write_text(SPOT.format(20))
    opened = Studio(folder, max_jobs=2)
    assert opened.keeper.ensure(wait=True).state == "running"
    until(lambda: is_ready(opened.home, timeout_s=10), 150)
    yield opened
    opened.keeper.stop()
    opened.close()
    shutil.rmtree(opened.home.runtime, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def scripts(folder: Path) -> Callable[[str], Path]:
    """Return what writes a script into a folder."""

    def write(text: str) -> Path:
        path = folder / "train.py"
        path.write_text(text)
        return path

    return write


@contextmanager
def described(studio: Studio, text: str) -> Iterator[None]:
    """Have the compute be another for a moment."""
    path = studio.home.path / "compute.toml"
    before = path.read_text()
    path.write_text(text)
    yield
    path.write_text(before)


def submit(studio: Studio, path: Path, **fields: Any) -> JobHandle:
    return studio.jobs.submit(path, **fields)


def until(condition: Callable[[], object], seconds: float = WAIT_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def attempt(studio: Studio, job: JobHandle, number: int) -> Path:
    return studio.home.attempt(job.id, number)


def kept(studio: Studio, job: JobHandle, number: int) -> Path:
    return attempt(studio, job, number) / protocol.WORK / protocol.SAVED


def runner(studio: Studio, job: JobHandle, number: int) -> int:
    told = protocol.read_runner(attempt(studio, job, number))
    assert told is not None
    return told.pid


def log(studio: Studio, job: JobHandle, number: int) -> str:
    path = attempt(studio, job, number) / protocol.LOG
    return path.read_text() if path.exists() else ""


LOOPS = """
import time
from labstudio import checkpoint
state = checkpoint.load({"seen": []})
began = len(state["seen"])
print("from", began, flush=True)
for n in checkpoint.steps(range(40), state, every=5):
    state["seen"].append(n)
    print("step", n, flush=True)
    while n == 8 and began == 0 and not checkpoint.preempted():
        time.sleep(0.01)  # the first attempt comes so far, and is taken away here
assert state["seen"] == list(range(40))
print("whole")
"""
