"""MLflow through the gateway: what a kernel's token reaches, and how little a job's does."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_tools import kernel_token, run_elsewhere, speaking

from labstudio._studio import Studio
from labstudio.experiments.recorder import JOB_TAG
from labstudio.gateway.tokens import Scope, mint

pytestmark = pytest.mark.slow

V2 = "http://gateway/mlflow/api/2.0/mlflow"
STORED = "http://gateway/mlflow/api/2.0/mlflow-artifacts/artifacts"


@dataclass
class Held:
    """A job that runs as long as the tests do."""

    id: str
    run_id: str
    experiment_id: str
    token: str


@pytest.fixture
def studio(gateway_studio: Studio) -> Studio:
    return gateway_studio


@pytest.fixture(scope="module")
def held(gateway_studio: Studio) -> Iterator[Held]:
    folder = Path(tempfile.mkdtemp(prefix="ls-hold-"))
    script = folder / "hold.py"
    studio = gateway_studio
    script.write_text("import time\nprint('holding', flush=True)\ntime.sleep(900)\n")
    job = studio.jobs.submit(script)
    assert job.run_id
    while "holding" not in job.logs():
        time.sleep(0.05)
    record = job.refresh().record
    experiment = studio.tracking.get_run(job.run_id).experiment_id
    token = mint(studio.home, Scope("job", job.id, record.user, record.attempt))
    yield Held(job.id, job.run_id, experiment, token)
    job.stop()
    shutil.rmtree(folder)


@pytest.fixture
def job(studio: Studio, held: Held) -> Iterator[httpx.Client]:
    with speaking(studio, held.token) as client:
        yield client


@pytest.fixture(scope="module")
def other(gateway_studio: Studio, held: Held) -> str:
    """A run of the same experiment that is not the job's, with a parameter and an artifact."""
    studio = gateway_studio
    run_id = studio.tracking.create_run(held.experiment_id, "secret")
    studio.tracking.log_params(run_id, {"password": "hunter2"})
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("secret")
        file.flush()
        studio.tracking.upload_artifact(run_id, "secret.txt", Path(file.name))
    return run_id


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ls-elsewhere-"))
    yield folder
    shutil.rmtree(folder)


TRAINS = """
import os, warnings
warnings.simplefilter("ignore")
os.environ |= {"MLFLOW_RUN_ID": RUN, "MLFLOW_EXPERIMENT_ID": EXPERIMENT}
import mlflow, numpy
from sklearn.linear_model import LogisticRegression
with mlflow.start_run() as run:
    mlflow.log_param("depth", 3)
    for step in range(5):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_text("hello", "notes/hello.txt")
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("child", 1.0)
    model = LogisticRegression().fit([[0], [1]], [0, 1])
    told = mlflow.sklearn.log_model(model, name="model", registered_model_name="held",
                                    serialization_format="cloudpickle")
    found = mlflow.search_runs([EXPERIMENT], output_format="list")
    print(sorted(each.info.run_id for each in found) == sorted([RUN, child.info.run_id]))
    print(mlflow.sklearn.load_model(told.model_uri).predict([[5]]).tolist())
    print(mlflow.sklearn.load_model("models:/held/1").predict([[5]]).tolist())
    print(mlflow.artifacts.load_text(run.info.artifact_uri + "/notes/hello.txt"))
    mlflow.set_experiment(experiment_id=EXPERIMENT)
    try:
        mlflow.set_experiment("another")
    except mlflow.exceptions.MlflowException as error:
        print(str(error).rpartition("message: ")[2] or error)
"""


def test_training_code_of_a_job_works_as_it_is(studio: Studio, held: Held, elsewhere: Path) -> None:
    code = f"RUN, EXPERIMENT = {held.run_id!r}, {held.experiment_id!r}\n{TRAINS}"
    lines = run_elsewhere(studio, elsewhere, held.token, code).splitlines()
    answers = [line for line in lines if not line.startswith(("🏃", "🧪"))]
    assert answers[:4] == ["True", "[1]", "[1]", "hello"]
    assert "experiment of its own run only" in answers[4]
    run = studio.tracking.get_run(held.run_id)
    assert run.params["depth"] == "3"
    assert run.metrics["loss"].value == pytest.approx(0.2)


def test_a_job_reads_and_changes_no_other_run(
    studio: Studio, held: Held, job: httpx.Client, other: str
) -> None:
    place = f"{held.experiment_id}/{other}/artifacts"
    own = {"run_id": held.run_id}
    theirs = {"run_id": other}
    pair = {"key": "a", "value": "b"}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"{V2}/runs/get", {"params": theirs}),
        ("GET", f"{V2}/runs/get", {"params": [("run_id", held.run_id), ("run_id", other)]}),
        ("GET", f"{V2}/runs/get", {"params": own | {"run_uuid": other}}),
        ("GET", f"{V2}/metrics/get-history", {"params": theirs | {"metric_key": "x"}}),
        ("GET", f"{V2}/artifacts/list", {"params": theirs}),
        ("GET", f"{STORED}/{place}/secret.txt", {}),
        ("GET", f"{STORED}/{held.experiment_id}/{held.run_id}/../{other}/artifacts/secret.txt", {}),
        ("GET", STORED, {"params": {"path": place}}),
        ("GET", STORED, {"params": [("path", place), ("path", f"{held.experiment_id}/x/y")]}),
        ("PUT", f"{STORED}/{place}/new.txt", {"content": b"x"}),
        ("DELETE", f"{STORED}/{held.experiment_id}/{held.run_id}/artifacts/x", {}),
        ("POST", f"{V2}/runs/set-tag", {"json": theirs | pair}),
        ("POST", f"{V2}/runs/log-parameter", {"json": theirs | pair}),
        ("POST", f"{V2}/runs/log-batch", {"json": theirs}),
        ("POST", f"{V2}/runs/log-batch", {"json": own | {"run_uuid": other}}),
        ("POST", f"{V2}/runs/log-batch", {"json": own | {"runId": other}}),
        ("POST", f"{V2}/runs/log-batch", {"json": own, "params": theirs | {"runId": other}}),
        ("POST", f"{V2}/runs/update", {"json": theirs | {"status": "FAILED"}}),
        ("POST", f"{V2}/runs/delete", {"json": own}),
        ("POST", f"{V2}/runs/delete", {"json": theirs}),
        ("POST", f"{V2}/runs/set-tag", {"json": own | {"key": JOB_TAG, "value": "x"}}),
        ("POST", f"{V2}/runs/log-batch", {"json": own | {"tags": [{"key": JOB_TAG}]}}),
        ("POST", f"{V2}/experiments/search", {"json": {"max_results": 10}}),
        ("GET", f"{V2}/experiments/search", {"params": {"max_results": 10}}),
        ("POST", f"{V2}/experiments/create", {"json": {"name": "mine"}}),
        ("POST", f"{V2}/experiments/delete", {"json": {"experiment_id": held.experiment_id}}),
        ("GET", f"{V2}/experiments/get", {"params": {"experiment_id": "0"}}),
        ("GET", f"{V2}/experiments/get-by-name", {"params": {"experiment_name": "Default"}}),
        ("POST", f"{V2}/runs/create", {"json": {"experiment_id": "0"}}),
        ("POST", f"{V2}/runs/search", {"json": {"experiment_ids": ["0"]}}),
        ("POST", f"{V2}/runs/search", {"json": {}}),
        ("POST", f"{V2}/runs/search", {"json": {"experimentIds": ["0"]}}),
        ("GET", f"{V2}/registered-models/search", {}),
        ("GET", f"{V2}/model-versions/search", {}),
        ("DELETE", f"{V2}/registered-models/delete", {"json": {"name": "held"}}),
        ("POST", f"{V2}/registered-models/alias", {"json": {"name": "held"}}),
        (
            "POST",
            f"{V2}/model-versions/create",
            {"json": {"name": "stolen", "source": f"mlflow-artifacts:/{place}"}},
        ),
        ("POST", f"{V2}/model-versions/create", {"json": {"name": "s", "source": "/etc"}}),
        ("GET", "http://gateway/mlflow/", {}),
        ("GET", "http://gateway/mlflow/ajax-api/2.0/mlflow/runs/get", {"params": own}),
        ("POST", "http://gateway/mlflow/graphql", {"json": {}}),
        ("GET", "http://gateway/mlflow/get-artifact", {"params": theirs | {"path": "secret.txt"}}),
    ]
    for method, url, options in asked:
        answer = job.request(method, url, **options)
        if answer.is_success:
            # The one that is let through is stripped of what was put beside its body.
            assert options.get("params") == theirs | {"runId": other}, (method, url, options)
            continue
        told = answer.json()
        assert (answer.status_code, told["error_code"]) == (403, "PERMISSION_DENIED"), (url, told)
        assert "hunter2" not in answer.text
    run = studio.tracking.get_run(other)
    assert (run.params, run.status) == ({"password": "hunter2"}, "RUNNING")
    assert "a" not in run.tags


def test_a_search_finds_only_the_jobs_own_runs_whatever_the_filter(
    held: Held, job: httpx.Client, other: str
) -> None:
    made = job.post(
        f"{V2}/runs/create",
        json={
            "experiment_id": held.experiment_id,
            "tags": [{"key": JOB_TAG, "value": "another's"}, {"key": "a", "value": "b"}],
        },
    ).json()["run"]
    assert {JOB_TAG: held.id, "a": "b"}.items() <= {
        tag["key"]: tag["value"] for tag in made["data"]["tags"]
    }.items()
    for given in [
        "",
        "attributes.status = 'RUNNING'",
        f"attributes.run_id = '{other}'",
        "tags.a = 'b' OR attributes.status = 'RUNNING'",
        "attributes.status = 'RUNNING' -- ",
        "attributes.status = 'RUNNING'; attributes.status = 'RUNNING'",
        "params.password = 'hunter2'",
        "' OR '1' = '1",
    ]:
        asked = {"experiment_ids": [held.experiment_id], "filter": given}
        answer = job.post(f"{V2}/runs/search", json=asked)
        assert answer.status_code in (200, 400), answer.text
        found = {run["info"]["run_id"] for run in answer.json().get("runs", [])}
        assert other not in found, given
        if given == "":
            assert {held.run_id, made["info"]["run_id"]} <= found


def test_a_kernel_reaches_what_its_users_notebooks_reach(
    studio: Studio, held: Held, other: str
) -> None:
    with speaking(studio, kernel_token(studio)) as client:
        run = client.get(f"{V2}/runs/get", params={"run_id": other}).json()["run"]
        assert run["data"]["params"] == [{"key": "password", "value": "hunter2"}]
        found = client.post(f"{V2}/experiments/search", json={"max_results": 10})
        assert len(found.json()["experiments"]) >= 2
        # What the tracking server itself closes stays closed.
        assert client.get("http://gateway/mlflow/ajax-api/3.0/jobs").status_code == 404


def test_artifacts_stream_both_ways(held: Held, job: httpx.Client) -> None:
    content = os.urandom(20_000_000)
    place = f"{STORED}/{held.experiment_id}/{held.run_id}/artifacts/large.bin"
    assert job.put(place, content=content).status_code == 200
    with job.stream("GET", place) as answer:
        assert b"".join(answer.iter_bytes()) == content
    listed = job.get(f"{V2}/artifacts/list", params={"run_id": held.run_id}).json()
    assert {"path": "large.bin", "is_dir": False, "file_size": len(content)} in listed["files"]
