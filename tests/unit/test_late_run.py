"""A run that is made after its attempt began: who waits for it, and what the code finds."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from runner_tools import Runs, cells, wait_for

from labstudio.jobs.runner import kernel_helper, protocol
from labstudio.jobs.runner.late_run import NO_RUN, WAITING

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

URI = "http://127.0.0.1:9"
SHOWN = (
    "import os; print([os.environ.get('MLFLOW_' + name) for name in ('TRACKING_URI', 'RUN_ID')])"
)


def tell(folder: Path, run_id: str | None, **fields: Any) -> None:
    protocol.write_tracking(folder, protocol.Tracking(uri=URI, run_id=run_id, **fields))


def ended(folder: Path) -> None:
    wait_for(lambda: protocol.read_result(folder) is not None)


@pytest.mark.parametrize("autolog", [True, False])
def test_a_notebook_begins_without_its_run_and_waits_when_it_imports_mlflow(
    runs: Runs, *, autolog: bool
) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{runs.home.path}/mlflow.db")
    where = (runs.home.path / "artifacts").as_uri()
    experiment_id = client.create_experiment(f"late-{autolog}", where)
    folder = runs.start(
        cells(
            "print('early')",
            "import mlflow\nprint('here')\nmlflow.log_metric('score', 0.5)",
            "print(mlflow.active_run().info.run_id)",
        ),
        tracking={"uri": client.tracking_uri},
        autolog=autolog,
    )
    wait_for(lambda: "early" in runs.log(folder))
    assert protocol.awaits_run(folder)
    wait_for(lambda: WAITING in runs.log(folder))
    assert "here" not in runs.log(folder)
    run_id = client.create_run(experiment_id).info.run_id
    told = protocol.Tracking(uri=client.tracking_uri, run_id=run_id, experiment_id=experiment_id)
    protocol.write_tracking(folder, told)
    assert (folder / protocol.TRACKING).stat().st_mode & 0o777 == 0o600
    assert not protocol.awaits_run(folder)
    ended(folder)
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    assert runs.log(folder).splitlines()[-1] == run_id
    assert client.get_run(run_id).data.metrics == {"score": 0.5}


def test_what_a_cell_starts_later_finds_the_run(runs: Runs) -> None:
    wait = "import time\nwhile not os.path.exists('../tracking.json'): time.sleep(0.01)"
    folder = runs.start(cells(SHOWN, wait, SHOWN), tracking={"uri": URI})
    wait_for(lambda: "None" in runs.log(folder))
    tell(folder, "r1")
    ended(folder)
    assert runs.log(folder).splitlines() == [f"['{URI}', None]", f"['{URI}', 'r1']"]


@pytest.mark.parametrize("told", [True, False])
def test_a_script_starts_when_its_run_is_told(runs: Runs, *, told: bool) -> None:
    """Its time limit does not count meanwhile."""
    began, limit_s = time.monotonic(), 8.0 if told else None
    folder = runs.start(
        SHOWN, entry="job.py", kind="script", tracking={"uri": URI, "token": "t"}, timeout_s=limit_s
    )
    wait_for(lambda: WAITING in runs.log(folder))
    if limit_s:
        wait_for(lambda: time.monotonic() - began > limit_s + 1)
    assert protocol.read_result(folder) is None
    tell(folder, "r1" if told else None)
    ended(folder)
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    last = [line for line in runs.log(folder).splitlines() if WAITING not in line]
    if told:
        assert last == [f"['{URI}', 'r1']"]
    else:
        assert last == [f"[labstudio] {NO_RUN}", "[None, None]"]


def test_a_script_that_waits_for_its_run_is_stopped(runs: Runs) -> None:
    folder = runs.start(SHOWN, entry="job.py", kind="script", tracking={"uri": URI})
    wait_for(lambda: WAITING in runs.log(folder))
    runs.stop(folder)
    assert runs.outcome(folder) == "stopped"


def test_a_notebook_that_waits_for_its_run_is_stopped(runs: Runs) -> None:
    folder = runs.start(cells("import mlflow"), tracking={"uri": URI})
    wait_for(lambda: WAITING in runs.log(folder))
    runs.stop(folder)
    assert runs.outcome(folder) == "stopped"


def late(tmp_path: Path, wait_s: float) -> Any:
    files = {"path": str(tmp_path / "tracking.json"), "log": str(tmp_path / "log")}
    return kernel_helper.LateRun(**files, wait_s=wait_s, waiting=WAITING, no_run=NO_RUN)


def test_a_run_that_never_comes_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the code logs then stays in its folder, as without a studio."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", URI)
    run = late(tmp_path, 0.1)
    run.wait()
    assert run.run_id is None
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert (tmp_path / "log").read_text() == f"[labstudio] {NO_RUN}\n"
    (tmp_path / "tracking.json").write_text(json.dumps({"run_id": "r1"}))
    assert run.look()
    assert run.run_id is None


def test_nothing_waits_until_it_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    began = time.monotonic()
    hook = kernel_helper.OnImport(None, autolog=False, late=late(tmp_path, 30))
    sys.meta_path.insert(0, hook)
    assert hook.find_spec("sklearn") is None
    assert hook.find_spec("json") is None
    assert hook in sys.meta_path
    assert time.monotonic() - began < 5
