"""What a job's code finds of MLflow: its run, autologging that costs nothing, patience."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from runner_tools import Runs, cells

from labstudio.jobs.runner.nursery import Nursery

# MLflow looks for the packages that a logged model needs in a process of its own: that is slow.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def client(nursery: Nursery) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{nursery.home.path}/mlflow.db")


@pytest.fixture
def tracking(client: Any, nursery: Nursery) -> dict[str, Any]:
    experiment = client.get_experiment_by_name("tests")
    where = (nursery.home.path / "artifacts").as_uri()
    experiment_id = (
        experiment.experiment_id if experiment else client.create_experiment("tests", where)
    )
    run = client.create_run(experiment_id)
    return {"uri": client.tracking_uri, "run_id": run.info.run_id, "experiment_id": experiment_id}


FIT = """
from sklearn.linear_model import Ridge
Ridge(alpha=0.25).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])
"""


def test_a_models_training_is_logged_to_the_jobs_run(
    runs: Runs, client: Any, tracking: dict[str, Any]
) -> None:
    folder = runs.run(
        cells("import sys; print('mlflow' in sys.modules)", FIT, "print(sorted(globals()))"),
        tracking=tracking,
        limit_s=500,
    )
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    log = runs.log(folder)
    assert log.startswith("False\n")
    assert "'mlflow'" not in log
    assert "labstudio" not in log
    run = client.get_run(tracking["run_id"])
    assert run.data.params["alpha"] == "0.25"
    assert run.data.metrics["training_score"] > 0.8


def test_start_run_in_the_code_works_beside_it(
    runs: Runs, client: Any, tracking: dict[str, Any]
) -> None:
    loop = """
import mlflow
for turn in range(3):
    with mlflow.start_run():
        mlflow.log_param("turn", turn)
print(mlflow.active_run().info.run_id)
"""
    folder = runs.run(cells(FIT, loop), tracking=tracking, limit_s=500)
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    assert runs.log(folder).splitlines()[-1] == tracking["run_id"]
    assert client.get_run(tracking["run_id"]).data.params["turn"] == "0"
    found = client.search_runs(
        [tracking["experiment_id"]], f"tags.mlflow.parentRunId = '{tracking['run_id']}'"
    )
    assert {run.data.params["turn"] for run in found} == {"1", "2"}


def test_mlflow_imported_by_the_code_has_the_run_too(
    runs: Runs, client: Any, tracking: dict[str, Any]
) -> None:
    folder = runs.run(
        cells("import mlflow\nmlflow.log_metric('score', 0.5)", FIT), tracking=tracking, limit_s=500
    )
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    run = client.get_run(tracking["run_id"])
    assert run.data.metrics["score"] == 0.5
    assert run.data.params["alpha"] == "0.25"


def test_it_can_be_switched_off(runs: Runs, client: Any, tracking: dict[str, Any]) -> None:
    folder = runs.run(
        cells(FIT, "import mlflow\nmlflow.log_metric('score', 1)"),
        tracking=tracking,
        autolog=False,
        limit_s=500,
    )
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    run = client.get_run(tracking["run_id"])
    assert run.data.params == {}
    assert run.data.metrics == {"score": 1}


def test_a_server_that_is_away_for_a_moment_is_waited_for(runs: Runs) -> None:
    seen: list[tuple[str, str | None]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            seen.append((self.path, self.headers.get("Authorization")))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer, bind_and_activate=False)
    server.server_bind()  # The address is taken; nothing listens yet: connections are refused.
    port = server.server_address[1]
    code = """
import os
from mlflow import MlflowClient
print('asking', flush=True)
MlflowClient().log_metric(os.environ["MLFLOW_RUN_ID"], "score", 1.0)
"""
    tracking = {"uri": f"http://127.0.0.1:{port}", "run_id": "r1", "token": "secret"}
    folder = runs.start(cells(code), tracking=tracking, autolog=False)
    deadline = time.monotonic() + 120
    while b"asking" not in runs.bytes(folder, "log"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(2)
    server.server_activate()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    while not runs.bytes(folder, "result.json"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    server.shutdown()
    server.server_close()
    assert runs.outcome(folder) == "succeeded", runs.log(folder)
    assert ("/api/2.0/mlflow/runs/log-metric", "Bearer secret") in seen
    assert "secret" not in runs.log(folder)
