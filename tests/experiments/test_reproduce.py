"""Runs made again: real jobs, and reports that name what changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from notebook_kernel import NotebookKernel

from labstudio._studio import Studio
from labstudio.capture import artifacts
from labstudio.capture.models import LOCK
from labstudio.errors import InvalidInput
from labstudio.reproduce.models import Reproduction, Verdict

pytestmark = pytest.mark.slow

Write = Callable[..., Path]
LIMIT_S = 150.0


def made(studio: Studio, *paths: Path) -> list[str]:
    """Run notebooks as jobs; return their runs once they have their capsules."""
    jobs = [studio.jobs.submit(path) for path in paths]
    for job in jobs:
        job.wait(timeout_s=LIMIT_S)
        assert job.state == "succeeded", job.logs()
    runs = [str(job.run_id) for job in jobs]
    over = time.monotonic() + LIMIT_S
    while any(artifacts.read_capsule(studio.tracking, run_id) is None for run_id in runs):
        assert time.monotonic() < over
        time.sleep(0.1)
    return runs


def again(studio: Studio, run_id: str, packages: str = "then") -> Reproduction:
    return studio.reproduce(run_id, packages=packages, timeout_s=LIMIT_S)


def told(report: Reproduction, kind: str) -> list[str]:
    return [each.message for each in report.reasons if each.kind == kind]


def test_what_agrees_and_what_changed_is_told_with_its_reason(
    live_studio: Studio, write_notebook: Write, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "data"
    elsewhere.mkdir()
    data = elsewhere / "points.csv"
    data.write_text("1\n2\n")
    steady = write_notebook(
        "import random, mlflow\nrandom.seed(3)",
        f"total = sum(map(float, open({str(data)!r})))\nprint('total', total)",
        "mlflow.log_metric('score', total + random.random())",
        name="steady.ipynb",
    )
    chance = write_notebook(
        "import random, mlflow\nmlflow.log_metric('score', random.random())\nprint('done')",
        name="chance.ipynb",
    )
    first, unseeded = made(live_studio, steady, chance)

    report = again(live_studio, first)
    assert report.verdict is Verdict.agrees, report
    assert [(each.key, each.agrees) for each in report.metrics] == [("score", True)]
    assert [each.agrees for each in report.cells] == [True, True, True]
    assert report.reasons == []

    report = again(live_studio, unseeded)
    assert report.verdict is Verdict.differs
    assert told(report, "seed") == [
        "All else is equal, and the code sets no seed: its result depends on chance."
    ]

    was = artifacts.read_capsule(live_studio.tracking, first)
    assert was is not None
    data.write_text("1\n5\n")
    (check,) = live_studio.reproductions.check(first)
    assert not check.agrees
    report = again(live_studio, first)
    assert report.verdict is Verdict.differs
    (message,) = told(report, "data")
    assert str(data) in message
    assert was.data[0].sha256 in message
    assert str(check.now) in message
    (cell,) = [each for each in report.cells if not each.agrees]
    assert (cell.index, cell.then, cell.now) == (1, "total 3.0\n", "total 6.0\n")
    assert told(report, "seed") == []

    page = live_studio.reproductions.list(first)
    assert [each.verdict for each in page.items] == [Verdict.differs, Verdict.agrees]
    assert {each.run_id for each in page.items} == {first}

    lock = artifacts.read(live_studio.tracking, unseeded, LOCK) or b""
    (line,) = [each for each in lock.splitlines() if each.startswith(b"pandas==")]
    artifacts.write(live_studio.tracking, unseeded, LOCK, lock.replace(line, b"pandas==1.5.0"))
    report = again(live_studio, unseeded, packages="now")
    version = line.decode().partition("==")[2]
    assert told(report, "package") == [f"pandas was 1.5.0, and is {version}."]
    assert told(report, "seed") == []


def test_a_notebooks_run_is_made_again_from_the_shell(live_studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "start.txt").write_text("5")
    (tmp_path / "helper.py").write_text("def half(x): return x / 2\n")
    kernel = NotebookKernel(live_studio, tmp_path)
    try:
        kernel.run("%load_ext labstudio")
        kernel.run("import labstudio, helper\nx = float(open('start.txt').read())")
        kernel.run("with labstudio.studio().run('other') as run: run.log(other=1)")
        run_id = kernel.run(
            "with labstudio.studio().run('mine') as run:\n"
            "    for step in range(3): run.log(loss=helper.half(x) / (step + 1))\n"
            "print(run.id)"
        ).strip()
        kernel.run("x = 0\nprint('later cells are no part of it')")
    finally:
        kernel.close()
    env = {**os.environ, "LABSTUDIO_HOME": str(live_studio.home.path)}
    command = [sys.executable, "-m", "labstudio", "reproduce", run_id]
    done = subprocess.run(
        [*command, "--json", "--packages", "now"], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = Reproduction.model_validate(json.loads(done.stdout))
    assert [(each.key, each.now) for each in report.metrics] == [("loss", 2.5 / 3)]
    assert len(report.cells) == 4

    (tmp_path / "start.txt").write_text("6")
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "changed" in done.stdout.splitlines()[0]
    assert str(tmp_path / "start.txt") in done.stdout


def test_what_has_no_capsule_says_so(live_studio: Studio) -> None:
    live_studio.keeper.ensure(wait=True)
    run_id = live_studio.tracking.create_run("0", "bare", tags={})
    with pytest.raises(InvalidInput, match="has no capsule"):
        live_studio.reproduce(run_id)
    env = {**os.environ, "LABSTUDIO_HOME": str(live_studio.home.path)}
    command = [sys.executable, "-m", "labstudio", "reproduce", run_id]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
