"""Preemption with a real daemon: SIGTERM and kills, the same run, the newest whole checkpoint."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from preemption_tools import (
    LOOPS,
    SPOT,
    WAIT_S,
    attempt,
    described,
    kept,
    log,
    runner,
    scripts,
    spot_studio,
    submit,
    until,
)

from labstudio import checkpoint
from labstudio._studio import Studio
from labstudio.checkpoint import whole
from labstudio.errors import InvalidInput
from labstudio.gateway.client import Client
from labstudio.gateway.reach import FORWARDER, gateway_socket
from labstudio.gateway.tokens import Scope, mint
from labstudio.jobs.models import CheckpointPolicy
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.safekeeping import Safekeeping

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    """One for all tests of this module."""
    with spot_studio() as made:
        yield made


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    """Write a script."""
    return scripts(tmp_path)


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
