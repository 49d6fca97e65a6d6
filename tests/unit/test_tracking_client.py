"""The lean client, against a real tracking server, and MLflow's own client too."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from labstudio.errors import InvalidInput, NotFound, Unavailable
from labstudio.experiments.connection import connection
from labstudio.experiments.thin import thin
from labstudio.experiments.tracking import Tracking
from labstudio.experiments.wire import Metric, clean_key
from labstudio.home import Home
from labstudio.jobs.left import MetricPoint

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def run_id(tracking: Tracking) -> str:
    return tracking.create_run(tracking.ensure_experiment("tests"), "a run")


@pytest.mark.slow
class TestTracking:
    def test_an_experiment_is_made_once(self, served: Home) -> None:
        clients = [Tracking(served) for _ in range(8)]
        with ThreadPoolExecutor(8) as pool:
            ids = set(pool.map(lambda each: each.ensure_experiment("raced 🏁 実験"), clients))
        assert len(ids) == 1

    def test_a_deleted_experiment_is_restored(self, served: Home, tracking: Tracking) -> None:
        experiment_id = tracking.ensure_experiment("deleted")
        tracking.call("POST", "/api/2.0/mlflow/experiments/delete", experiment_id=experiment_id)
        again = Tracking(served)
        assert again.ensure_experiment("deleted") == experiment_id
        assert again.create_run(experiment_id, "works")

    def test_a_run_is_found_again_by_its_tag(self, tracking: Tracking) -> None:
        experiment_id = tracking.ensure_experiment("found")
        made = tracking.create_run(experiment_id, "j", tags={"labstudio.job_id": "J1"}, user="ada")
        assert tracking.find_run(experiment_id, "labstudio.job_id", "J1") == made
        assert tracking.find_run(experiment_id, "labstudio.job_id", "J2") is None
        run = tracking.get_run(made)
        assert run.status == "RUNNING"
        assert run.tags["mlflow.user"] == "ada"

    def test_parameters_within_mlflows_limits(self, tracking: Tracking, run_id: str) -> None:
        given = {f"p{n}": n for n in range(250)} | {
            "text": "x" * 10_000,
            "list": [1, "ü"],
            "none": None,
            'na"me 😀': True,
            "../up": 1,
            "": "nameless",
        }
        for _ in range(2):
            tracking.log_params(run_id, given)
        params = tracking.get_run(run_id).params
        assert params["p249"] == "249"
        assert (len(params["text"]), params["text"][-1]) == (6000, "…")
        assert (params["list"], params["none"]) == ('[1, "ü"]', "null")
        assert params["na_me _"] == "true"
        assert params["___up"] == "1"
        assert len(params) == 255
        with pytest.raises(InvalidInput):
            tracking.log_params(run_id, {"p1": "another"})

    def test_metrics_come_back_whole_and_thinned(self, tracking: Tracking, run_id: str) -> None:
        values = [math.sin(n / 50) for n in range(3500)]
        values[1234] = 99.0
        tracking.log_batch(
            run_id,
            [
                Metric("wave", value, NOW + timedelta(seconds=n), n)
                for n, value in enumerate(values)
            ],
        )
        whole = tracking.metric_histories(run_id, points=10_000)["wave"]
        assert [point.value for point in whole] == pytest.approx(values)
        assert whole[7].timestamp == NOW + timedelta(seconds=7)
        few = tracking.metric_histories(run_id, points=200)["wave"]
        assert len(few) <= 200
        assert few[0] == whole[0]
        assert few[-1] == whole[-1]
        assert max(point.value or 0 for point in few) == 99.0
        assert set(map(repr, few)) <= set(map(repr, whole))

    def test_a_very_long_history_keeps_its_end(self, tracking: Tracking, run_id: str) -> None:
        tracking.log_batch(run_id, [Metric("long", n, NOW, n) for n in range(26_000)])
        points = tracking.metric_histories(run_id, points=500)["long"]
        assert len(points) <= 500
        assert (points[0].step, points[-1].step, points[-1].value) == (0, 25_999, 25_999)

    def test_values_that_are_no_numbers(self, tracking: Tracking, run_id: str) -> None:
        given = [1.0, math.nan, math.inf, -math.inf, 5e-324]
        tracking.log_batch(run_id, [Metric("odd", value, NOW, n) for n, value in enumerate(given)])
        points = tracking.metric_histories(run_id)["odd"]
        assert [point.value for point in points] == [1.0, None, None, None, 5e-324]

    def test_system_metrics_are_left_out_unless_asked_for(
        self, tracking: Tracking, run_id: str
    ) -> None:
        tracking.log_batch(run_id, [Metric("system/x", 1, NOW), Metric("loss", 2, NOW)])
        assert list(tracking.metric_histories(run_id)) == ["loss"]
        assert sorted(tracking.metric_histories(run_id, system=True)) == ["loss", "system/x"]

    def test_artifacts(self, served: Home, tracking: Tracking, run_id: str, tmp_path: Path) -> None:
        file = tmp_path / "f"
        file.write_bytes(os.urandom(3_000_000))
        for path in ("job/日本 #1 100%.bin", "job/empty/f"):
            tracking.upload_artifact(run_id, path, file)
        kept = next(served.artifacts.glob(f"*/{run_id}/artifacts"))
        assert (kept / "job/日本 _1 100_.bin").read_bytes() == file.read_bytes()
        file.write_bytes(b"")
        tracking.upload_artifact(run_id, "job/empty/f", file)
        assert (kept / "job/empty/f").read_bytes() == b""
        tracking.upload_artifact(run_id, "job/a%2e%2e\n\udcff", file)
        assert (kept / "job/a_2e_2e__").is_file()
        for bad in ("../../escape", "/etc/escape", "a/../escape", "a//escape", ""):
            with pytest.raises((InvalidInput, NotFound)):
                tracking.upload_artifact(run_id, bad, file)
        assert not list(served.path.rglob("escape"))
        tracking.delete_artifacts(run_id, "job")
        tracking.delete_artifacts(run_id, "job")
        assert list(kept.rglob("*")) == []

    def test_ends_and_deletes(self, tracking: Tracking, run_id: str) -> None:
        tracking.end_run(run_id, "FAILED", NOW)
        tracking.end_run(run_id, "KILLED", NOW)
        assert tracking.get_run(run_id).status == "KILLED"
        tracking.delete_run(run_id)
        with pytest.raises(NotFound):
            tracking.get_run("0" * 32)

    def test_many_writers_at_once_lose_nothing(self, served: Home, tracking: Tracking) -> None:
        experiment_id = tracking.ensure_experiment("many")

        def work(number: int) -> str:
            mine = Tracking(served)
            run = mine.create_run(experiment_id, f"w{number}")
            for step in range(5):
                mine.log_params(run, {f"p{step}": number})
                mine.log_batch(run, [Metric("m", step, NOW, step)])
                mine.set_tags(run, {f"t{step}": "x"})
            mine.end_run(run, "FINISHED", NOW)
            mine.close()
            return run

        with ThreadPoolExecutor(12) as pool:
            runs = list(pool.map(work, range(24)))
        for run in map(tracking.get_run, runs):
            assert (run.status, len(run.params)) == ("FINISHED", 5)
            assert run.metrics["m"].value == 4

    def test_a_server_that_moved_is_found(self, served: Home, tmp_path: Path) -> None:
        moved = Home(tmp_path).create()
        moved.tracking_json.write_text('{"url": "http://127.0.0.1:9", "token": "old"}')
        client = Tracking(moved)
        with pytest.raises(Unavailable):
            client.ensure_experiment("tests")
        moved.tracking_json.write_bytes(served.tracking_json.read_bytes())
        assert client.ensure_experiment("tests")
        client.close()

    def test_mlflows_own_client_logs_through_it(self, served: Home, tracking: Tracking) -> None:
        run_id = tracking.create_run(tracking.ensure_experiment("tests"), "from MLflow")
        here = connection(served)
        environment = os.environ | {
            "MLFLOW_TRACKING_URI": here.url,
            "MLFLOW_TRACKING_TOKEN": here.token,
            "MLFLOW_RUN_ID": run_id,
        }
        done = subprocess.run(
            [sys.executable, "-c", FROM_MLFLOW],
            env=environment,
            capture_output=True,
            text=True,
            cwd=served.path,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        run = tracking.get_run(run_id)
        assert (run.params["depth"], run.metrics["loss"].value, run.status) == (
            "3",
            0.25,
            "FINISHED",
        )
        kept = next(served.artifacts.glob(f"*/{run_id}/artifacts"))
        assert (kept / "note.txt").read_text() == "hello"
        assert here.token not in done.stdout + done.stderr
        # The same without the token is refused.
        del environment["MLFLOW_TRACKING_TOKEN"]
        environment["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
        refused = subprocess.run(
            [sys.executable, "-c", FROM_MLFLOW],
            env=environment,
            capture_output=True,
            text=True,
            cwd=served.path,
            check=False,
        )
        assert refused.returncode == 1
        assert "bearer token is required" in refused.stderr


FROM_MLFLOW = """
import mlflow
with mlflow.start_run():
    mlflow.log_param("depth", 3)
    for step, loss in enumerate((1.0, 0.5, 0.25)):
        mlflow.log_metric("loss", loss, step=step)
    mlflow.log_text("hello", "note.txt")
    run = mlflow.active_run()
    assert mlflow.artifacts.load_text(run.info.artifact_uri + "/note.txt") == "hello"
"""


def test_thinning_keeps_ends_and_extremes() -> None:
    points = [MetricPoint(step=n, timestamp=NOW, value=0.0) for n in range(10_001)]
    points[3333].value, points[7777].value, points[5000].value = 9.0, -9.0, None
    few = thin(points, 100)
    assert len(few) <= 100
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert {points[3333].step, points[7777].step} <= {point.step for point in few}
    assert [point.step for point in few] == sorted({point.step for point in few})
    assert thin(points[:100], 100) == points[:100]
    empty = [MetricPoint(step=n, timestamp=NOW, value=None) for n in range(1000)]
    assert len(thin(empty, 10)) <= 10


@pytest.mark.parametrize(
    ("key", "cleaned"),
    [
        ("loss/val.1-a b:c", "loss/val.1-a b:c"),
        ("größe", "größe"),
        ("a'b\"c😀", "a_b_c_"),
        ("/absolute", "_absolute"),
        ("../../x", "______x"),
        ("a//b", "a__b"),
        (".", "_"),
        ("x" * 300, "x" * 250),
    ],
)
def test_names_that_mlflow_accepts(key: str, cleaned: str) -> None:
    assert clean_key(key) == cleaned


def test_importing_the_client_is_cheap() -> None:
    code = (
        "import sys, labstudio.experiments.tracking, labstudio.experiments.recorder,"
        "labstudio.experiments.server;"
        "print([m for m in ('mlflow', 'httpx', 'pandas', 'sqlalchemy', 'uvicorn')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_no_server_is_said_plainly(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="start the daemon"):
        Tracking(Home(tmp_path)).ensure_experiment("x")
