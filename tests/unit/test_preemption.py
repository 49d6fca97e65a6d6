"""Preemption with a real daemon: SIGTERM and kills, the same run, the newest whole checkpoint."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from labstudio import checkpoint
from labstudio._studio import Studio
from labstudio.checkpoint import whole
from labstudio.errors import InvalidInput
from labstudio.experiments.tracking import is_ready
from labstudio.gateway.client import Client
from labstudio.gateway.reach import FORWARDER, gateway_socket
from labstudio.gateway.tokens import Scope, mint
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.models import CheckpointPolicy
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.safekeeping import Safekeeping

pytestmark = pytest.mark.slow

WAIT_S = 120.0
SPOT = "[local]\ntype = 'local'\npreemptible = true\ngrace_s = {}\n"


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
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


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "train.py"
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


def test_a_script_saves_within_its_grace_and_goes_on_at_once(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    job = submit(studio, script(LOOPS))
    run_id = job.run_id
    assert run_id is not None
    until(lambda: "step 8" in log(studio, job, 1))
    os.kill(runner(studio, job, 1), signal.SIGTERM)
    assert job.wait(WAIT_S).state == "succeeded"
    record = studio.jobs.detail(job.id)
    assert (record.preemptions, record.attempt, record.run_id) == (1, 2, run_id)
    first = record.attempts[0]
    assert first.state == "interrupted"
    assert first.cause is not None
    assert first.cause.startswith("The compute was taken away. Goes on when a slot is free")
    before, after = log(studio, job, 1), log(studio, job, 2)
    done = before.count("step ")
    assert "has 20 s" in before
    assert f"from the checkpoint of step {done}." in after
    assert f"from {done}" in after
    assert after.count("step ") == 41 - done  # one is the studio's own line
    # Checkpoints are no outputs.
    assert [each.role for each in studio.jobs.files(job.id).items] == ["log"]


def test_a_script_that_does_not_end_in_time_is_ended_and_resumes_from_what_is_whole(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    text = """
import os, signal, sys, time
from pathlib import Path
from labstudio import checkpoint
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
done = checkpoint.load(0)
print("found", done, flush=True)
if done == 0:
    checkpoint.save(3, "three")
    def slow(path):
        (path / "half").write_text("half")
        print("writing", flush=True)
        time.sleep(600)
    checkpoint.save(4, slow)
"""
    with described(studio, SPOT.format(0.5)):
        job = submit(studio, script(text))
        until(lambda: "writing" in log(studio, job, 1))
    began = time.monotonic()
    os.kill(runner(studio, job, 1), signal.SIGTERM)
    assert job.wait(WAIT_S).state == "succeeded"
    assert time.monotonic() - began < 30
    assert "has 0.5 s" in log(studio, job, 1)
    assert len(list(kept(studio, job, 1).glob(".step-*"))) == 1
    assert "found three" in log(studio, job, 2)
    assert [path.name for path in whole.all_whole(kept(studio, job, 2))] == [whole.name(3)]
    assert not list(kept(studio, job, 2).glob(".*"))


def test_a_notebook_ends_at_a_step_and_resumes(
    studio: Studio, write_notebook: Callable[..., Path]
) -> None:
    path = write_notebook("print('begun')", LOOPS, "print('last cell')")
    job = submit(studio, path)
    run_id = job.run_id
    assert run_id is not None
    until(lambda: "step 8" in log(studio, job, 1))
    os.kill(runner(studio, job, 1), signal.SIGTERM)
    assert job.wait(WAIT_S).state == "succeeded"
    record = studio.jobs.detail(job.id)
    assert (record.preemptions, record.attempt, record.run_id) == (1, 2, run_id)
    assert "last cell" not in log(studio, job, 1)
    assert "last cell" in log(studio, job, 2)
    assert "from the checkpoint of step" in log(studio, job, 2)


def test_a_notebook_that_knows_nothing_of_checkpoints_ends_between_cells(
    studio: Studio, write_notebook: Callable[..., Path], tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    path = write_notebook(
        "import os, time; print('one', flush=True)\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\nprint('one ended')",
        "print('two')",
    )
    job = submit(studio, path)
    until(lambda: "one" in log(studio, job, 1))
    os.kill(runner(studio, job, 1), signal.SIGTERM)
    until(lambda: "being taken away" in log(studio, job, 1))
    gate.touch()
    assert job.wait(WAIT_S).state == "succeeded"
    assert "one ended" in log(studio, job, 1)
    assert "two" not in log(studio, job, 1)
    assert studio.jobs.get(job.id).preemptions == 1


def test_a_machine_that_vanishes_counts_as_one_and_loses_only_what_was_not_saved(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    job = submit(studio, script(LOOPS))
    until(lambda: "step 8" in log(studio, job, 1))
    os.kill(runner(studio, job, 1), signal.SIGKILL)
    assert job.wait(WAIT_S).state == "succeeded"
    record = studio.jobs.detail(job.id)
    assert (record.preemptions, record.attempt) == (1, 2)
    assert "from the checkpoint of step 5." in log(studio, job, 2)


WAITS = """
import time
from labstudio import checkpoint
print("found", checkpoint.load("nothing"), flush=True)
while checkpoint.latest() is None:
    time.sleep(600)
"""


def test_what_was_brought_from_elsewhere_is_there_when_its_machine_is_gone(
    studio: Studio, script: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(studio, script(WAITS))
    until(lambda: "found nothing" in log(studio, job, 1))
    record = job.refresh().record
    token = mint(studio.home, Scope("job", job.id, record.user, record.attempt))
    command = [sys.executable, str(FORWARDER), "--socket", str(gateway_socket(studio.home))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forwarder:
        assert forwarder.stdout is not None
        client = Client(f"http://127.0.0.1:{int(forwarder.stdout.readline())}", token)
        monkeypatch.setattr(checkpoint, "_chosen", [])
        saved = checkpoint.use(tmp_path / "elsewhere")
        keeping = Safekeeping(saved, job.id, client)
        keeping.step()  # nothing yet
        checkpoint.save(3, "from elsewhere")
        (saved / whole.name(4)).mkdir()
        keeping.step()
        keeping.step()
        with pytest.raises(InvalidInput, match="no whole checkpoint"):
            client.post(f"jobs/{job.id}/checkpoints", _as_sent(saved, without=whole.MANIFEST))
        forwarder.terminate()
    os.kill(runner(studio, job, 1), signal.SIGKILL)
    assert job.wait(WAIT_S).state == "succeeded"
    assert "found from elsewhere" in log(studio, job, 2)


def _as_sent(saved: Path, without: str) -> dict[str, Any]:
    path = saved / whole.name(3) / checkpoint.STATE
    assert path.name != without
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": "step-5", "files": [{"path": path.name, "sha256": sha256, "size_bytes": 1}]}


def test_the_limit_is_said(studio: Studio, script: Callable[[str], Path]) -> None:
    policy = CheckpointPolicy(preemptions=1)
    job = submit(
        studio,
        script("import time; print('up', flush=True); time.sleep(600)"),
        checkpoint=policy,
    )
    for number in (1, 2):
        until(lambda number=number: "up" in log(studio, job, number))
        os.kill(runner(studio, job, number), signal.SIGTERM)
    assert job.wait(WAIT_S).state == "interrupted"
    assert job.error == (
        "The compute was taken away. That happened 2 times, and the job allows 1 "
        "(checkpoint.preemptions)."
    )
    assert studio.jobs.get(job.id).preemptions == 2


def test_it_is_no_retry(studio: Studio, script: Callable[[str], Path]) -> None:
    text = """
import os, time
from labstudio import checkpoint
if checkpoint.latest() is None:
    checkpoint.save(1, "x")
    print("up", flush=True)
    time.sleep(600)
raise SystemExit(5)
"""
    job = submit(studio, script(text), retries=1, retry_backoff_s=0)
    until(lambda: "up" in log(studio, job, 1))
    os.kill(runner(studio, job, 1), signal.SIGTERM)
    assert job.wait(WAIT_S).state == "failed"
    causes = [each.cause for each in studio.jobs.detail(job.id).attempts]
    assert len(causes) == 3
    assert causes[1] is not None
    assert "(1 of 2 attempts made)" in causes[1]


def test_who_stops_a_job_in_its_grace_period_means_at_once(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    text = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    job = submit(studio, script(text + "print('up', flush=True)\ntime.sleep(600)"))
    until(lambda: "up" in log(studio, job, 1))
    os.kill(runner(studio, job, 1), signal.SIGTERM)
    until(lambda: "being taken away" in log(studio, job, 1))
    began = time.monotonic()
    job.stop().wait(WAIT_S)
    assert job.state == "stopped"
    assert time.monotonic() - began < 8
    assert studio.jobs.get(job.id).preemptions == 0


@contextmanager
def drained(studio: Studio) -> Iterator[None]:
    """Have what runs here save a checkpoint and wait."""
    studio.computes.drain("local", draining=True, now=True)
    try:
        yield
    finally:
        studio.computes.drain("local", draining=False)


def test_a_drain_gives_notice_and_jobs_wait_until_it_is_over(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    job = submit(studio, script(LOOPS))
    run_id = job.run_id
    until(lambda: "step 7" in log(studio, job, 1))
    with drained(studio):
        until(lambda: job.state == "queued", 15)
        late = submit(studio, script("print('late')"))
        first = studio.jobs.detail(job.id).attempts[0]
        assert first.state == "interrupted"
        assert first.notice_at is not None
        assert "Goes on when a slot is free" in (first.cause or "")
        shown = studio.computes.detail("local")
        assert (shown.state, shown.running) == ("draining", 0)
        assert shown.message == "Nothing new is let in; jobs save a checkpoint and wait."
        assert {each.id for each in shown.waiting} == {job.id, late.id}
        time.sleep(1.0)
        assert job.state == "queued"
    assert job.wait(60).state == "succeeded"
    record = studio.jobs.detail(job.id)
    assert (record.preemptions, record.attempt, record.run_id) == (1, 2, run_id)
    assert record.attempts[1].notice_at is None
    done = log(studio, job, 1).count("step ")
    assert f"from the checkpoint of step {done}." in log(studio, job, 2)
    assert late.wait(60).state == "succeeded"
    assert studio.jobs.get(late.id).preemptions == 0


def test_a_notice_is_passed_on_by_a_daemon_that_was_not_there_when_it_was_given(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    job = submit(studio, script(LOOPS))
    until(lambda: "step 2" in log(studio, job, 1))
    studio.keeper.stop()
    with drained(studio):
        assert "being taken away" not in log(studio, job, 1)
        assert studio.keeper.ensure(wait=True).state == "running"
        until(lambda: job.state == "queued", 30)
        assert "being taken away" in log(studio, job, 1)
        job.stop()
    assert job.wait(10).state == "stopped"
    assert not attempt(studio, job, 2).exists()


def test_what_does_not_even_end_after_its_grace_period_is_killed_and_waits(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    with described(studio, SPOT.format(0.5)):
        job = submit(studio, script(LOOPS))
        until(lambda: "step 7" in log(studio, job, 1))
        os.kill(runner(studio, job, 1), signal.SIGSTOP)
        began = time.monotonic()
        with drained(studio):
            until(lambda: job.state == "queued", 30)
            assert 10 < time.monotonic() - began < 20
            assert not protocol.is_alive(attempt(studio, job, 1))
    assert job.wait(60).state == "succeeded"
    first = studio.jobs.detail(job.id).attempts[0]
    assert first.error is not None
    assert first.error.type == "Preempted"
    assert "from the checkpoint of step" in log(studio, job, 2)


def test_only_what_is_preemptible_is_drained_now(studio: Studio) -> None:
    for draining, problem in ((False, "takes new work"), (True, "not preemptible")):
        with described(studio, ""), pytest.raises(InvalidInput, match=problem) as caught:
            studio.computes.drain("local", draining=draining, now=True)
        assert caught.value.details["field"] == "now"
    assert studio.computes.detail("local").state == "ready"


def test_a_compute_that_is_not_preemptible_only_stops(
    studio: Studio, script: Callable[[str], Path]
) -> None:
    with described(studio, ""):
        job = submit(studio, script("import time; print('up', flush=True); time.sleep(600)"))
        until(lambda: "up" in log(studio, job, 1))
    os.kill(runner(studio, job, 1), signal.SIGTERM)
    assert job.wait(WAIT_S).state == "stopped"
    told = json.loads((attempt(studio, job, 1) / protocol.RESULT).read_text())
    assert told["outcome"] == "stopped"
