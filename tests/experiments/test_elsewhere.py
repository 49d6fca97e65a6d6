"""MLflow servers and stores of before: a real second server, a real database, a real folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from filled_home import FilledHome, open_store
from odd_store import fill

from labstudio._studio import Studio
from labstudio.errors import InvalidInput
from labstudio.experiments.models import GroupQuery, RunQuery, ValuesQuery
from labstudio.experiments.place import Server, Store, adopt, place
from labstudio.experiments.server import TrackingServer, point_to, read_tracking_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labstudio.home import Home

FILTERS = ("", "metrics.auc > 0.5", "params.model LIKE 'x%' AND tags.team IS NOT NULL")
ORDERS: tuple[list[str], ...] = ([], ["metrics.auc DESC"], ["params.depth ASC", "metrics.loss ASC"])


@pytest.fixture(scope="module")
def elsewhere(filled: FilledHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`mlflow server`, as somebody else runs it, with the odd runs."""
    folder = tmp_path_factory.mktemp("elsewhere")
    copied(filled.home.tracking_database_path, folder / "mlflow.db")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    quick = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "DO_NOT_TRACK": "true"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, env=quick, cwd=folder
        )
    url = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 150
    try:
        while not answers(url):
            assert server.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < end, (folder / "log").read_text()[-2000:]
            time.sleep(0.2)
        yield url
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)


def copied(database: Path, to: Path) -> None:
    """Copy a database that is open, with what still stands in its write-ahead log."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture
def remote(home: Home, elsewhere: str) -> Iterator[Studio]:
    """A studio that is led to that server, as its daemon would leave it."""
    studio = Studio(home.create().path, tracking_uri=elsewhere)
    where = place(elsewhere)
    assert isinstance(where, Server)
    point_to(home, where)
    yield studio
    studio.tracking.close()
    studio.close()


def found(studio: Studio, **asked: Any) -> list[tuple[Any, ...]]:
    items = studio.runs.search(**asked).items
    return [
        (run.id, run.name, run.status, run.params, repr(run.metrics), run.tags, run.experiment)
        for run in items
    ]


@pytest.mark.slow
def test_a_server_elsewhere_gives_the_same_runs(remote: Studio, reading: Studio) -> None:
    for text in FILTERS:
        for order in ORDERS:
            asked = {"filter": text, "order_by": order}
            assert found(remote, **asked, limit=500) == found(reading, **asked, limit=500)
            assert found(remote, **asked, at=7, limit=5) == found(reading, **asked, at=7, limit=5)
    for more in ({"text": "xgb"}, {"lifecycle": "deleted"}, {"experiment": ["1"]}):
        assert found(remote, **more, limit=500) == found(reading, **more, limit=500)
    page = remote.runs.search(limit=500)
    assert page.total == reading.runs.search().total
    assert page.total_exact
    first = remote.runs.search(limit=3)
    assert not first.total_exact
    assert first.next_cursor == "3"
    key = ValuesQuery(key="params.model", prefix="x")
    assert set(remote.runs.values(key).items) == set(reading.runs.values(key).items)
    assert {each.key: each.count for each in remote.runs.columns().params} == {
        each.key: each.count for each in reading.runs.columns().params if each.count
    }
    by = GroupQuery(by="params.model", metric=["auc"])
    there = {each.value: each for each in remote.runs.groups(by).items}
    for here in reading.runs.groups(by).items:
        assert there[here.value].count == here.count
        assert there[here.value].filter == here.filter
        assert repr(there[here.value].metrics["auc"].max) == repr(here.metrics["auc"].max)
    best = RunQuery(best=["metrics.auc"])
    highest = remote.runs.page(best).best["metrics.auc"].max_value
    assert highest == reading.runs.page(best).best["metrics.auc"].max_value
    with pytest.raises(InvalidInput) as refused:
        remote.runs.search("metrics.auc >")
    assert refused.value.details["field"] == "filter"


@pytest.mark.slow
def test_jobs_and_panels_write_to_a_server_elsewhere(remote: Studio, elsewhere: str) -> None:
    tracking = remote.tracking
    run_id = tracking.create_run(tracking.ensure_experiment("from the studio"), "r")
    tracking.set_tags(run_id, {"labstudio.archived": "true"})
    asked = {"experiment_id": [tracking.get_run(run_id).experiment_id]}
    page = remote.runs.search(experiment=asked["experiment_id"], lifecycle="archived")
    assert [run.id for run in page.items] == [run_id]
    assert not remote.runs.search(experiment=asked["experiment_id"]).items
    answer = httpx.get(f"{elsewhere}/api/2.0/mlflow/runs/get?run_id={run_id}", trust_env=False)
    assert answer.json()["run"]["info"]["run_name"] == "r"


def test_the_door_of_a_server_elsewhere(monkeypatch: pytest.MonkeyPatch, home: Home) -> None:
    from labstudio.experiments.connection import authorization, connection

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret token")
    where = place("https://mlflow.example/base/")
    assert where == Server("https://mlflow.example/base", "secret token")
    assert "secret" not in repr(where)
    point_to(home.create(), where)
    assert home.tracking_json.stat().st_mode & 0o077 == 0
    assert authorization(connection(home)) == {"Authorization": "Bearer secret token"}
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "ann")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pw")
    named = place("https://mlflow.example")
    assert isinstance(named, Server)
    point_to(home, named)
    assert authorization(connection(home)) == {"Authorization": "Basic YW5uOnB3"}
    both = place("https://bob:p%40@mlflow.example")
    assert both == Server("https://mlflow.example", "p@", "bob")


@pytest.mark.parametrize("uri", ["mysql://x/y", "databricks://z", "sqlite:///no/such.db", "/no/f"])
def test_what_leads_nowhere_is_told_in_one_sentence(uri: str) -> None:
    with pytest.raises(InvalidInput, match="tracking_uri") as refused:
        place(uri)
    assert refused.value.details["field"] == "tracking_uri"


def test_the_servers_own_variable_leads_the_studio_once(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABSTUDIO_TRACKING_URI", raising=False)
    monkeypatch.delenv("LABSTUDIO_URL", raising=False)
    home.create().tracking_json.write_text(json.dumps({"url": "http://127.0.0.1:5", "token": "t"}))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5/")
    adopt(home)
    assert Studio(home.path).config.tracking_uri == ""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:5000")
    monkeypatch.setenv("LABSTUDIO_TRACKING_URI", "http://mine:5000")
    adopt(home)
    assert Studio(home.path).config.tracking_uri == "http://mine:5000"
    monkeypatch.delenv("LABSTUDIO_TRACKING_URI")
    adopt(home)
    assert Studio(home.path).config.tracking_uri == "http://elsewhere:5000"


@pytest.mark.slow
def test_an_old_database_opens_as_it_is(empty_store: Path, tmp_path: Path, home: Home) -> None:
    database = tmp_path / "old.db"
    shutil.copy(empty_store, database)
    store = open_store(database)
    experiment = store.create_experiment("theirs", (tmp_path / "mlruns" / "1").as_uri())
    made = fill(store, runs=3)
    run = store.create_run(experiment, "ann", 1_700_000_000_000, [], "with a file")
    store.engine.dispose()
    kept = tmp_path / "mlruns" / "1" / run.info.run_id / "artifacts" / "a.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("kept")
    served(home, f"sqlite:///{database}", run.info.run_id, len(made.runs) + 1)
    assert not home.tracking_database_path.exists()


@pytest.mark.slow
def test_an_old_folder_opens_as_it_is(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.entities import Metric
    from mlflow.store.tracking.file_store import FileStore

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    folder = tmp_path / "mlruns"
    store = FileStore(str(folder))
    run = store.create_run("0", "ann", 1_700_000_000_000, [], "with a file")
    store.log_metric(run.info.run_id, Metric("auc", 0.9, 1_700_000_000_000, 0))
    kept = folder / "0" / run.info.run_id / "artifacts" / "a.txt"
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("kept")
    monkeypatch.delenv("MLFLOW_ALLOW_FILE_STORE")
    assert place(str(folder)) == Store(str(folder), folder)
    served(home, str(folder), run.info.run_id, 1)


def served(home: Home, uri: str, run_id: str, runs: int) -> None:
    """The studio's own server serves what is there; its runs and artifacts are found."""
    server = TrackingServer(home.create(), None, uri)
    server.start()
    studio = Studio(home.path, tracking_uri=uri)
    try:
        server.wait_ready(120)
        assert "elsewhere" not in read_tracking_json(home)
        page = studio.runs.search(lifecycle="all", limit=100)
        assert page.total == runs
        assert run_id in {run.id for run in page.items}
        listed = studio.tracking.call("GET", "/api/2.0/mlflow/artifacts/list", run_id=run_id)
        assert [each["path"] for each in listed["files"]] == ["a.txt"]
        new = studio.tracking.create_run(studio.tracking.ensure_experiment("new"), "n")
        assert studio.runs.get([new])[0].name == "n"
    finally:
        studio.tracking.close()
        studio.close()
        server.stop()
