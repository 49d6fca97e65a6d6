"""A notebook job that failed goes on at the failed cell, with the variables that it kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from labstudio._studio import Studio
from labstudio.errors import Conflict
from labstudio.jobs.models import CheckpointPolicy, RerunJob
from labstudio.jobs.resume import bring
from labstudio.jobs.runner import protocol
from tests.unit.runner_tools import Runs, cells, wait_for

pytestmark = pytest.mark.slow

KEEP = CheckpointPolicy(cells=True)
FLAG = "import os, pathlib\nif not pathlib.Path({!r}).exists(): raise ValueError('not yet')"


def again(runs: Runs, first: Path, **fields: Any) -> Path:
    """Make the next attempt at the same notebook, as the engine would."""
    source = (first / "work" / "job.ipynb").read_text()
    folder = runs.make(source, checkpoint=KEEP, **fields)
    bring(first, folder)
    return folder


def go(runs: Runs, folder: Path) -> protocol.Result:
    """Run an attempt that was made; return how it ended."""
    assert runs.nursery is not None
    runs.folders.append(folder)
    runs.nursery.launch(folder, warm_ok=True)
    wait_for(lambda: protocol.read_result(folder) is not None)
    result = protocol.read_result(folder)
    assert result is not None
    return result


def log(folder: Path) -> str:
    return (folder / protocol.LOG).read_text()


def texts(folder: Path) -> list[str]:
    notebook = nbformat.read(folder / protocol.NOTEBOOK, 4)
    return [
        "".join(out.get("text", "") for out in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code" and "papermill-error-cell-tag" not in cell.metadata.tags
    ]


def test_a_second_attempt_goes_on_at_the_failed_cell(runs: Runs, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    first = runs.make(
        cells(
            f"ran = open({str(ran)!r}, 'a'); ran.write('once\\n'); ran.close(); del ran",
            "import numpy as np\nx = np.arange(300_000.); y = [x]\nprint('made')",
            "class Thing:\n    at = 3\nthing = Thing()",
            FLAG.format(str(tmp_path / "now")),
            "assert y[0] is x and type(thing) is Thing\nprint(x.sum())",
        ),
        checkpoint=KEEP,
    )
    assert go(runs, first).error.type == "ValueError"
    (tmp_path / "now").touch()
    second = again(runs, first)
    result = go(runs, second)
    assert result.outcome == "succeeded", log(second)
    assert ran.read_text() == "once\n"
    assert "Resumed before cell 4 with" in log(second)
    assert texts(second) == ["", "made\n", "", "", "44999850000.0\n"]
    assert [time.index for time in result.cells] == [3, 4]
    status = protocol.read_status(second)
    assert status is not None
    assert (status.progress.cell, status.progress.cells) == (5, 5)


def test_a_name_that_later_cells_need_and_that_was_not_kept(runs: Runs, tmp_path: Path) -> None:
    first = runs.make(
        cells(
            "import threading\nlock = threading.Lock()\ndef safely(): return lock.locked()",
            "count = 1\nnumbers = (n for n in range(3))",
            FLAG.format(str(tmp_path / "now")),
            "print(safely(), count)",
        ),
        checkpoint=KEEP,
    )
    assert go(runs, first).outcome == "failed"
    assert "Not kept for another attempt: lock is a lock." in log(first)
    (tmp_path / "now").touch()
    second = again(runs, first)
    result = go(runs, second)
    assert result.outcome == "succeeded", log(second)
    assert "Runs from the start: later cells need what could not be restored: lock is a lock." in (
        log(second)
    )
    assert len(result.cells) == 4


def test_a_name_that_nothing_needs_is_told_and_missed_by_nobody(runs: Runs, tmp_path: Path) -> None:
    first = runs.make(
        cells(
            "numbers = (n for n in range(3)); total = sum(numbers)",
            FLAG.format(str(tmp_path / "now")),
            "print(total)",
        ),
        checkpoint=KEEP,
    )
    assert go(runs, first).outcome == "failed"
    (tmp_path / "now").touch()
    second = again(runs, first)
    assert go(runs, second).outcome == "succeeded"
    assert "Resumed before cell 2 with 1 names." in log(second)
    assert "Not restored: numbers is a generator." in log(second)
    assert texts(second)[-1] == "3\n"


def test_changed_code_runs_from_the_start(runs: Runs) -> None:
    first = runs.make(cells("x = 1", "1 / 0"), checkpoint=KEEP)
    assert go(runs, first).outcome == "failed"
    second = runs.make(cells("x = 2", "assert x == 2"), checkpoint=KEEP)
    bring(first, second)
    assert go(runs, second).outcome == "succeeded"
    assert "Runs from the start: code or parameters are other than they were." in log(second)


def test_what_was_kept_is_from_before_the_failed_cell(runs: Runs) -> None:
    first = runs.make(cells("x = [1]", "x.append(2); 1 / 0"), checkpoint=KEEP)
    assert go(runs, first).outcome == "failed"
    second = again(runs, first)
    (second / "work" / "job.ipynb").write_text(nbformat.writes(cells("x = [1]", "assert x == [1]")))
    assert go(runs, second).outcome == "succeeded", log(second)
    assert "Resumed before cell 2" in log(second)


def test_a_killed_kernel_leaves_what_was_kept_last(runs: Runs, tmp_path: Path) -> None:
    now = tmp_path / "now"
    first = runs.make(
        cells(
            "x = 1\nprint('first')",
            f"import os, pathlib\nthere = pathlib.Path({str(now)!r}).exists()\n"
            "if not there: os.kill(os.getpid(), 9)",
            "print(x)",
        ),
        checkpoint=KEEP,
    )
    assert go(runs, first).error.type == "Killed"
    now.touch()
    second = again(runs, first)
    assert go(runs, second).outcome == "succeeded"
    assert texts(second) == ["first\n", "", "1\n"]


def test_a_time_limit_keeps_what_the_cell_has_made(runs: Runs) -> None:
    first = runs.make(
        cells("x = []", "import time\nwhile True: x.append(1); time.sleep(.1)"),
        checkpoint=KEEP,
        timeout_s=10.0,
    )
    assert go(runs, first).outcome == "timeout"
    at = json.loads((first / "checkpoint" / "kernel" / "at.json").read_text())
    assert at["cell"] == 1


def test_a_job_is_resumed_by_its_retry_and_by_its_owner(
    live_studio: Studio, write_notebook: Callable[..., Path], tmp_path: Path
) -> None:
    now, ran = tmp_path / "now", tmp_path / "ran"
    path = write_notebook(
        f"open({str(ran)!r}, 'a').write('x')\nkept = 41",
        f"import pathlib; tries = pathlib.Path({str(now)!r})\n"
        "n = len(tries.read_text()) if tries.exists() else 0\n"
        "tries.write_text('x' * (n + 1))\nassert n == 2, n",
        "print(kept + 1)",
    )
    job = live_studio.jobs.submit(
        path, checkpoint={"cells": True}, retries=1, retry_backoff_s=0.0
    ).wait(timeout_s=120)
    assert job.state == "failed"
    plain = live_studio.jobs.submit(write_notebook("1/0", name="p.ipynb")).wait(timeout_s=120)
    with pytest.raises(Conflict, match="kept no variables"):
        live_studio.jobs.resume(plain.id)
    resumed = live_studio.jobs.resume(job.id)
    from labstudio.jobs.handle import JobHandle

    handle = JobHandle(live_studio, resumed).wait(timeout_s=120)
    assert handle.state == "succeeded", handle.logs()
    assert "42" in handle.logs()
    assert ran.read_text() == "x"
    fresh = live_studio.jobs.rerun(resumed.id, RerunJob())
    assert live_studio.jobs.detail(fresh.id).spec.checkpoint.resume is None
    live_studio.jobs.stop(fresh.id)
