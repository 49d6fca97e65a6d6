"""A disk that is full, a home that cannot be written, a database that somebody holds."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import House
from waiting import eventually

from labstudio.errors import Unavailable
from labstudio.jobs.models import JobState

pytestmark = pytest.mark.faults

SIZE_MB = 48


def mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def small() -> Iterator[House]:
    """A home on a disk of its own, a small one."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    folder = Path(tempfile.mkdtemp(prefix="ls-d"))
    mount("-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "tmpfs", str(folder))
    made = House(folder)
    try:
        yield made
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(folder)], check=False)
        made.close()
        subprocess.run(["umount", "-l", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def fill(home: House, leave: int = 0) -> Path:
    """Fill the disk; return the file that does."""
    path = home.path / "filler"
    with path.open("wb") as file:
        free = os.statvfs(home.path)
        file.truncate(0)
        left = free.f_bavail * free.f_frsize - leave
        try:
            while left > 0:
                left -= os.write(file.fileno(), b"x" * min(left, 1 << 20))
            while leave == 0:
                os.write(file.fileno(), b"x")
        except OSError:
            pass
    return path


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


def test_on_a_full_disk_a_submission_is_refused_in_one_sentence_and_leaves_nothing(
    small: House,
) -> None:
    kept = small.script("print('before')")
    filler = fill(small)
    before = files_below(small.home.blobs)
    for attempt in range(3):
        with pytest.raises(Unavailable) as refused:
            small.script(f"print({attempt}) # {'x' * 200_000}")
        assert refused.value.status == 503
        assert "\n" not in refused.value.message
        assert str(small.path) in refused.value.message
        assert any(words in refused.value.message for words in ("No space", "full"))
    assert files_below(small.home.blobs) == before
    assert [job.id for job in small.all_jobs()] == [kept.id]
    filler.unlink()
    after = small.script("print('after')")
    small.start_daemon()
    for job in (kept, after):
        assert small.await_end(job).state is JobState.succeeded, small.describe(job.id)


GREEDY = """
import os
with open("big", "wb", buffering=0) as file:
    print("filling", flush=True)
    while True:
        file.write(os.urandom(1 << 18))
"""


def test_a_job_that_fills_the_disk_fails_clearly_and_all_goes_on_once_there_is_room(
    small: House,
) -> None:
    daemon = small.start_daemon()
    patient = small.script("import time\nprint('on', flush=True)\ntime.sleep(6)\n", name="patient")
    small.await_log(patient, "on")
    greedy = small.script(GREEDY)
    small.await_log(greedy, "filling")
    folder = small.home.attempt(greedy.id, 1)
    eventually((folder / "result.json").exists, 90, lambda: small.describe(greedy.id))
    time.sleep(2)
    with pytest.raises(Unavailable):
        small.script(f"print('no room') # {'x' * (2 << 20)}")
    assert daemon.poll() is None
    eventually((small.home.attempt(patient.id, 1) / "result.json").exists, 90, "no result")
    (folder / "work" / "big").unlink()
    assert small.await_end(patient).state is JobState.succeeded, small.describe(patient.id)
    ended = small.await_end(greedy)
    assert ended.state is JobState.failed
    assert ended.error is not None
    assert "No space left on device" in ended.error
    assert small.await_end(small.script("print('room again')")).state is JobState.succeeded
    assert daemon.poll() is None
    assert small.daemon_pid() == daemon.pid
    small.check_jobs()


def test_a_daemon_on_a_full_disk_waits_for_room(small: House) -> None:
    waiting = [small.script("print('at last')"), small.cell("print('at last')")]
    small.start_daemon()
    small.kill_daemon()
    more = small.script("print('more')")
    filler = fill(small)
    first = small.launch_daemon()
    time.sleep(6)
    filler.unlink()
    if first.poll() is not None:
        # It may say so and end: whoever keeps it starts it again.
        assert first.returncode == 1
        told = (small.work / "daemon.err").read_text()
        assert "Traceback" not in told, told
        small.start_daemon()
    else:
        small.await_daemon()
    for job in (*waiting, more):
        assert small.await_end(job).state is JobState.succeeded, small.describe(job.id)
    small.check_jobs()


def test_a_home_that_cannot_be_written_says_so_and_can_still_be_read(small: House) -> None:
    done = small.script("print('before')")
    daemon = small.start_daemon()
    small.await_end(done)
    small.studio.keeper.stop()
    daemon.wait(10)
    small.studio.close()
    mount("-o", "remount,ro", str(small.path))
    reader = House(small.path)
    try:
        with pytest.raises(Unavailable) as refused:
            reader.script("print('no')")
        assert str(small.path) in refused.value.message
        assert "\n" not in refused.value.message
        assert [job.id for job in reader.jobs.list().items] == [done.id]
        assert reader.jobs.log(done.id).text == "before\n"
        assert reader.jobs.detail(done.id).state is JobState.succeeded
        late = reader.launch_daemon()
        assert late.wait(40) == 1
        told = (reader.work / "daemon.err").read_text().strip().splitlines()
        assert len(told) == 1, told
        assert "cannot be written" in told[0]
        status = reader.studio.keeper.ensure(wait=True)
        assert status.state == "stopped"
        assert "\n" not in status.message
    finally:
        reader.studio.close()
    mount("-o", "remount,rw", str(small.path))
    small.start_daemon()
    assert small.await_end(small.script("print('again')")).state is JobState.succeeded


def test_a_database_that_somebody_holds_is_waited_for() -> None:
    made = House(max_jobs=2)
    try:
        daemon = made.start_daemon()
        lines = "import time\nfor n in range(60):\n    print('tick', n, flush=True)\n"
        lines += "    time.sleep(0.1)\n"
        running = made.script(lines)
        short = made.script("import time\nprint('on', flush=True)\ntime.sleep(3)", name="short")
        for job, text in ((running, "tick 2"), (short, "on")):
            made.await_log(job, text)
        holder = sqlite3.connect(made.home.database_path, isolation_level=None)
        holder.execute("BEGIN EXCLUSIVE")
        holder.execute("UPDATE jobs SET revision = revision")
        began = time.monotonic()
        submitted: list[str] = []
        submit = threading.Thread(
            target=lambda: submitted.append(made.script("print('waited')", name="waited").id)
        )
        submit.start()
        while time.monotonic() - began < 10:
            # What can be read is read meanwhile: the panel and the log do not stand still.
            asked = time.monotonic()
            made.jobs.list()
            size = made.jobs.log(running.id).size_bytes
            assert time.monotonic() - asked < 1
            time.sleep(0.5)
        assert submit.is_alive()
        holder.execute("ROLLBACK")
        holder.close()
        submit.join(60)
        assert submitted
        assert size > 0
        for job in (running, short, made.jobs.get(submitted[0])):
            assert made.await_end(job).state is JobState.succeeded, made.describe(job.id)
        assert made.jobs.log(running.id).text == "".join(f"tick {n}\n" for n in range(60))
        assert daemon.poll() is None
        made.check_jobs()
    finally:
        made.close()
