"""What a notebook's kernel records of its runs, in real kernels against a real tracking server."""

from __future__ import annotations

import hashlib
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from notebook_kernel import NotebookKernel

from labstudio._studio import Studio
from labstudio.capture import artifacts
from labstudio.capture.models import DIFF, HISTORY, LOCK, Capsule

pytestmark = pytest.mark.slow

CSV = "age,city\n31,Bern\n42,Basel\n"


def until(look: Callable[[], Any], limit_s: float = 60.0) -> Any:
    """Wait for something, and return it."""
    over = time.monotonic() + limit_s
    while not (found := look()):
        assert time.monotonic() < over, "it did not happen in time"
        time.sleep(0.05)
    return found


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ann", "-c", "user.email=ann@example.org")
    command = ["git", *identity, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook's folder, in git, with a change and a password in the remote's address."""
    made = tmp_path_factory.mktemp("notebook")
    (made / "people.csv").write_text(CSV)
    (made / "model.py").write_text("DEPTH = 1\n")
    git(made, "init", "-q", "-b", "main")
    git(made, "add", "model.py")
    git(made, "commit", "-qm", "Begin")
    git(made, "remote", "add", "origin", "https://ann:hunter2@example.org/ann/work.git")
    (made / "model.py").write_text("DEPTH = 2\n")
    return made


@pytest.fixture(scope="module")
def kernel(tracked: Studio, folder: Path) -> Iterator[NotebookKernel]:
    """A kernel whose first cell was run before the studio was loaded."""
    opened = NotebookKernel(tracked, folder)
    opened.run("early = 1\nprint('early')")
    assert opened.run("%load_ext labstudio") == ""
    yield opened
    opened.close()


def run_named(studio: Studio, name: str) -> Any:
    """Return the newest run of that name, once it has a capsule that is whole."""
    page = studio.runs.search(f"attributes.run_name = '{name}'", limit=1)
    return page.items[0] if page.items else None


def capsule_of(studio: Studio, run_id: str, cells: int) -> Capsule:
    """Wait for a run's capsule to have so many cells."""

    def look() -> Capsule | None:
        history = artifacts.read(studio.tracking, run_id, HISTORY)
        if history is None or len(json.loads(history)["cells"]) < cells:
            return None
        return artifacts.read_capsule(studio.tracking, run_id)

    found = until(look)
    assert isinstance(found, Capsule)
    return found


def test_loading_is_quick_and_loads_no_mlflow(kernel: NotebookKernel) -> None:
    told = kernel.run("import sys; print('mlflow' in sys.modules, 'pydantic' in sys.modules)")
    assert told.split()[0] == "False"


def test_a_run_has_all_that_made_it(kernel: NotebookKernel, tracked: Studio, folder: Path) -> None:
    kernel.run("import random, pandas as pd\nrandom.seed(7)\npeople = pd.read_csv('people.csv')")
    told = kernel.run("with open('people.csv') as file: print(len(file.read()))")
    assert told.strip() == str(len(CSV))
    source = (
        "import mlflow\n"
        "with mlflow.start_run(run_name='whole') as run:\n"
        "    mlflow.log_metrics({'loss': 0.5, 'auc': 0.9}, step=3)\n"
        "    mlflow.log_metric('loss', 0.25, step=4)\n"
        "    seen = mlflow.get_run(run.info.run_id).data.metrics\n"
        "print(seen['loss'], seen['auc'])\n"
        "run.info.run_id"
    )
    told = kernel.run(source)
    assert told.startswith("0.25 0.9\n"), told
    run_id = told.split("\n")[1].strip("'")
    found = capsule_of(tracked, run_id, 6)
    history = json.loads(artifacts.read(tracked.tracking, run_id, HISTORY) or b"")
    until(lambda: "0.25" in str(artifacts.read(tracked.tracking, run_id, HISTORY)))

    assert found.kind == "notebook"
    assert found.notebook == str(folder / "trial.ipynb")
    assert found.cell is not None
    assert found.cell.source == source
    assert found.seeds == {"random.seed": 7}
    assert [cell["execution_count"] for cell in history["cells"]] == [1, 2, 3, 4, 5, 6]
    assert history["cells"][0]["outputs"][0]["text"] == "early\n"

    assert found.git is not None
    assert found.git.commit == git(folder, "rev-parse", "HEAD")
    assert (found.git.branch, found.git.dirty) == ("main", True)
    assert found.git.untracked == ["people.csv"]
    assert found.git.remote == "https://example.org/ann/work.git"
    assert "+DEPTH = 2" in (artifacts.read(tracked.tracking, run_id, DIFF) or b"").decode()

    lock = (artifacts.read(tracked.tracking, run_id, LOCK) or b"").decode()
    assert "mlflow==" in lock
    assert hashlib.sha256(lock.encode()).hexdigest() == found.lock_sha256

    (data,) = found.data
    assert data.sha256 == hashlib.sha256(CSV.encode()).hexdigest()
    assert (data.rows, data.columns, data.reader) == (2, 2, "pandas.read_csv")
    assert data.fields == {"age": "int64", "city": "str"}

    run = tracked.tracking.get_run(run_id)
    assert run.tags["labstudio.capsule"] == "1"
    assert run.tags["labstudio.cell"] == str(found.cell.execution_count) == "6"
    assert run.tags["mlflow.source.type"] == "NOTEBOOK"
    assert run.tags["mlflow.source.git.commit"] == found.git.commit
    told_of = tracked.tracking.call("GET", "/api/2.0/mlflow/runs/get", run_id=run_id)
    (dataset,) = told_of["run"]["inputs"]["dataset_inputs"]
    assert dataset["dataset"]["digest"] == data.sha256[:32]
    secrets = [path for path in (found.model_dump_json(), str(told_of)) if "hunter2" in path]
    assert not secrets


def test_runs_are_recorded_however_they_are_made(kernel: NotebookKernel, tracked: Studio) -> None:
    told = kernel.run(
        "import labstudio, threading, mlflow\n"
        "ids = []\n"
        "def thread():\n"
        "    with mlflow.start_run(run_name='in a thread') as run: ids.append(run.info.run_id)\n"
        "other = threading.Thread(target=thread); other.start(); other.join()\n"
        "with labstudio.studio().run(name='outer', experiment='captured') as run:\n"
        "    run.log(loss=3.0); run.log(loss=2.0); run.log(step=9, loss=1.0, **{'val/loss': 2})\n"
        "    run.param('depth', 3); run.tag('team', 'red')\n"
        "    run.artifact('people.csv', 'in/p.csv')\n"
        "    ids.append(run.id)\n"
        "    with labstudio.studio().run() as inner: ids.append(inner.id)\n"
        "ids.append(mlflow.MlflowClient().create_run('0').info.run_id)\n"
        "print(*ids)"
    )
    thread, outer, inner, client = told.split()
    for run_id in (thread, outer, inner, client):
        assert capsule_of(tracked, run_id, 7).notebook is not None
        assert until(lambda run_id=run_id: "labstudio.capture_id" in tags(tracked, run_id))
    run = tracked.tracking.get_run(outer)
    assert (run.params["depth"], run.tags["team"]) == ("3", "red")
    assert (run.metrics["loss"].value, run.metrics["loss"].step) == (1.0, 9)
    assert run.experiment_id == tracked.tracking.ensure_experiment("captured")
    assert artifacts.read(tracked.tracking, outer, "in/p.csv") == CSV.encode()
    assert tags(tracked, inner)["mlflow.parentRunId"] == outer


def tags(studio: Studio, run_id: str) -> dict[str, str]:
    return studio.tracking.get_run(run_id).tags


def test_an_experiment_is_chosen_by_its_magic(kernel: NotebookKernel, tracked: Studio) -> None:
    assert "'by magic'" in kernel.run("%experiment by magic")
    run_id = kernel.run(
        "with labstudio.studio().run() as run: pass\nprint(run.id)\nimport mlflow"
    ).strip()
    wanted = tracked.tracking.ensure_experiment("by magic")
    assert tracked.tracking.get_run(run_id).experiment_id == wanted


def test_what_fails_in_recording_breaks_no_run_and_is_said_once(kernel: NotebookKernel) -> None:
    kernel.run(
        "import labstudio.capture.publish as broken\n"
        "whole = broken.look_around\n"
        "def fail(*_): raise OSError('no git today')\n"
        "broken.look_around = fail"
    )
    try:
        told = kernel.run(
            "for _ in range(3):\n"
            "    with labstudio.studio().run() as run: run.log(a=1)\n"
            "import time; time.sleep(0.5); print('went on')"
        )
        assert "went on" in told
        assert told.count("no git today") == 1
    finally:
        kernel.run("broken.look_around = whole")


def test_a_killed_kernel_loses_no_more_than_its_last_second(
    tracked: Studio, tmp_path: Path
) -> None:
    kernel = NotebookKernel(tracked, tmp_path)
    kernel.run("%load_ext labstudio")
    run_id = kernel.run("import mlflow\nrun = mlflow.start_run()\nprint(run.info.run_id)").strip()
    kernel.send(
        "import time\n"
        "with open('steps', 'w') as steps:\n"
        "    for step in range(100_000):\n"
        "        mlflow.log_metric('loss', 1 / (step + 1), step=step)\n"
        "        print(step, time.time(), file=steps, flush=True)\n"
        "        time.sleep(0.002)\n"
    )
    steps = tmp_path / "steps"
    until(lambda: steps.exists() and len(steps.read_text().splitlines()) > 500)
    kernel.kill()
    died = time.time()
    lines = [line.split() for line in steps.read_text().splitlines()]
    safe = max((int(step) for step, at, *_ in lines[:-1] if float(at) < died - 1), default=0)

    def last() -> int:
        metrics = tracked.tracking.get_run(run_id).metrics
        return metrics["loss"].step if "loss" in metrics else -1

    until(lambda: last() >= max(safe, 1))
    until(lambda: not any(tracked.home.path.glob("spool/*/lines")) or last() >= len(lines) - 2)
    assert len(tracked.tracking.metric_histories(run_id, 200_000)["loss"]) >= safe
    kernel.close()


def test_a_script_is_recorded_too(tracked: Studio, tmp_path: Path) -> None:
    from labstudio.experiments.connection import connection

    script = tmp_path / "train.py"
    script.write_text(
        "import labstudio\n"
        "studio = labstudio.studio()\n"
        "with studio.run('by a script') as run:\n"
        "    run.log(loss=0.5)\n"
        "print(run.id)\n"
    )
    where = connection(tracked.home)
    import os
    import sys

    env = {
        **os.environ,
        "LABSTUDIO_HOME": str(tracked.home.path),
        "MLFLOW_TRACKING_URI": where.url,
        "MLFLOW_TRACKING_TOKEN": where.token,
    }
    done = subprocess.run(
        [sys.executable, str(script)], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.strip()
    found = until(lambda: artifacts.read_capsule(tracked.tracking, run_id))
    assert (found.kind, found.notebook) == ("script", str(script))
    assert tracked.tracking.get_run(run_id).metrics["loss"].value == 0.5
