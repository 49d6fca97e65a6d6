"""Artifacts: inside stays inside, models beside their run, and tables by pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labstudio._studio import Studio
from labstudio.errors import Forbidden, InvalidInput, NotFound
from labstudio.experiments.artifacts.models import ArtifactTableQuery, TablePage
from labstudio.experiments.artifacts.tables import page
from labstudio.experiments.connection import authorization, connection
from labstudio.home import Home


@pytest.fixture(scope="module")
def experiment(tracked: Studio) -> Iterator[str]:
    """An experiment that MLflow's own client logs into."""
    import mlflow

    here = connection(tracked.home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_TOKEN", here.token)
        before = mlflow.get_tracking_uri()
        mlflow.set_tracking_uri(here.url)
        yield tracked.tracking.ensure_experiment("artifacts")
        mlflow.set_tracking_uri(before)


def outside(home: Home) -> set[Path]:
    """Every file of the home, and beside it, that is no artifact and not the records' own."""
    near = {each for each in home.path.parent.glob("x*") if each.is_file()}
    return near | {
        each
        for each in home.path.rglob("*")
        if each.is_file()
        and not each.is_relative_to(home.artifacts)
        and not each.name.startswith(home.database_path.name)
    }


def test_an_artifact_named_like_a_way_out_stays_inside(tracked: Studio, experiment: str) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    run = tracked.tracking.create_run(experiment, "way out")
    client, before = MlflowClient(), outside(tracked.home)
    with pytest.raises((MlflowException, InvalidInput)):
        client.log_text(run, "out", "../../x")
    root = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts"
    here = connection(tracked.home)
    for way in ("../../x", "%2e%2e/%2e%2e/x", "..%2f..%2fx", "%252e%252e%252fx", "..%5c..%5cx"):
        # A client that does not tidy the address, as httpx would.
        raw = HTTPConnection(here.url.removeprefix("http://"), timeout=30)
        raw.request("PUT", f"{root}/{way}", b"out", authorization(here))
        raw.getresponse().read()
        raw.close()
    assert outside(tracked.home) <= before | {tracked.home.tracking_log}
    for each in tracked.home.artifacts.rglob("*"):
        assert each.resolve().is_relative_to(tracked.home.artifacts.resolve())
    for way in ("../../x", "..", "a/../../x", "/x", "..\\x"):
        with pytest.raises(InvalidInput, match="not a plain one"):
            tracked.runs.artifact(run, way)


def test_a_link_that_leads_out_is_refused(tracked: Studio, experiment: str, tmp_path: Path) -> None:
    run = tracked.tracking.create_run(experiment, "link")
    inside = tmp_path / "a.txt"
    inside.write_text("a")
    tracked.tracking.upload_artifact(run, "a.txt", inside)
    folder = tracked.home.artifacts / experiment / run / "artifacts"
    (folder / "link").symlink_to(tracked.home.path)
    with pytest.raises(Forbidden):
        tracked.runs.folder(run, "link")
    with pytest.raises(Forbidden):
        tracked.runs.artifact(run, "link/tracking.json")
    with pytest.raises(NotFound):
        tracked.runs.artifact(run, "b.txt")
    with pytest.raises(NotFound):
        tracked.runs.folder(run, "b")


@pytest.mark.filterwarnings("ignore:.*Any type hint:UserWarning")
def test_a_model_lies_among_its_runs_artifacts(tracked: Studio, experiment: str) -> None:
    import mlflow
    from mlflow.models import infer_signature
    from sklearn.linear_model import LinearRegression

    data = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    model = LinearRegression().fit(data, [1.0, 2.0])
    run = tracked.tracking.create_run(experiment, "model")
    with mlflow.start_run(run_id=run):
        mlflow.sklearn.log_model(
            model,
            name="forest",
            signature=infer_signature(data, model.predict(data)),
            input_example=data,
            serialization_format="cloudpickle",
            registered_model_name="one-run-forest",
        )
        mlflow.log_table({"question": ["a?", "b?"], "score": [0.5, None]}, "answers.json")
    assert [each.name for each in tracked.runs.folder(run).items] == ["forest", "answers.json"]
    folder = tracked.runs.folder(run, "forest")
    assert folder.model is not None
    assert [(each.name, each.type) for each in folder.model.inputs] == [
        ("a", "double"),
        ("b", "double"),
    ]
    assert folder.model.input_example is not None
    assert "sklearn" in folder.model.flavors
    (logged,) = tracked.runs.detail(run).models
    assert (logged.name, logged.path) == ("forest", "forest")
    assert [(each.model, each.version) for each in logged.registered] == [("one-run-forest", 1)]
    table = tracked.runs.table(run, "answers.json")
    assert table.rows == [["a?", 0.5], ["b?", None]]


def rows(file: Path, home: Home, **asked: object) -> TablePage:
    return page(file, ArtifactTableQuery.model_validate({"path": file.name, **asked}), home)


FRAME = pd.DataFrame(
    {
        "id": np.arange(25_000),
        "x": np.random.default_rng(0).random(25_000).round(6),
        "city": ["Rome", "Oslo", None, 'a "quoted"\nname', "Lima"] * 5000,
    }
)


@pytest.fixture(scope="module", params=["csv", "tsv", "parquet", "jsonl"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same rows in each form; Parquet as pandas writes it, in one row group."""
    file = tmp_path_factory.mktemp("tables") / f"table.{request.param}"
    if request.param == "parquet":
        pd.concat([FRAME] * 4, ignore_index=True).to_parquet(file, index=False)
    elif request.param == "jsonl":
        FRAME.to_json(file, orient="records", lines=True)
    else:
        FRAME.to_csv(file, index=False, sep="," if request.param == "csv" else "\t")
    return file


def test_a_table_is_read_by_pages_in_any_order(table: Path, home: Home) -> None:
    again = 4 if table.suffix == ".parquet" else 1
    first = rows(table, home, limit=5)
    assert [each.name for each in first.columns] == ["id", "x", "city"]
    assert first.total == len(FRAME) * again
    assert [row[2] for row in first.rows][:2] == ["Rome", "Oslo"]
    assert first.rows[3][2] == 'a "quoted"\nname'
    there = rows(table, home, at=19_998, limit=4)
    assert [row[0] for row in there.rows] == [19_998, 19_999, 20_000, 20_001]
    assert [row[1] for row in there.rows] == FRAME.x[19_998:20_002].tolist()
    end = rows(table, home, at=first.total - 2, limit=10)
    assert [row[0] for row in end.rows] == [24_998, 24_999]
    assert rows(table, home, at=first.total + 5).rows == []
    highest = FRAME.x.sort_values(ascending=False).tolist()
    found = rows(table, home, at=10 * again, limit=20 * again, order_by="x DESC")
    assert [row[1] for row in found.rows[::again]] == highest[10:30]
    assert all(FRAME.x[row[0]] == row[1] for row in found.rows)
    with pytest.raises(InvalidInput, match="no column"):
        rows(table, home, order_by="y")


def test_a_column_may_turn_out_to_be_something_else(
    tmp_path: Path, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labstudio.experiments.artifacts.forms.BLOCK_BYTES", 1000)
    file = tmp_path / "mixed.csv"
    lines = [f"{each},{each},{each}" for each in range(1000)] + ["1.5,x,2026-01-01"]
    file.write_text("a,b,c\n" + "\n".join(lines))
    told = rows(file, home, at=1000)
    assert [each.type for each in told.columns] == ["double", "string", "string"]
    assert told.rows == [[1.5, "x", "2026-01-01"]]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ragged.csv", "a,b\n1,2\n3\n"),
        ("broken.parquet", "PAR1"),
        ("broken.jsonl", '{"a": 1}\n{"a": '),
        ("broken.json", "[1, 2"),
        ("list.json", "[1, 2]"),
        ("some.txt", "a"),
    ],
)
def test_what_is_no_table_is_said_in_a_sentence(
    tmp_path: Path, home: Home, name: str, content: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(InvalidInput, match=name) as refused:
        rows(file, home)
    assert refused.value.details["field"] == "path"


def test_an_old_encoding_is_read(tmp_path: Path, home: Home) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("name,n\nMünchen,1\n".encode("latin-1"))
    assert rows(file, home).rows == [["München", 1]]


def test_an_empty_table_has_no_rows(tmp_path: Path, home: Home) -> None:
    for name, content in {"a.csv": "", "b.csv": "x,y\n", "c.jsonl": "", "d.json": "[]"}.items():
        file = tmp_path / name
        file.write_text(content)
        if name == "d.json":
            with pytest.raises(InvalidInput):
                rows(file, home)
        else:
            told = rows(file, home)
            assert (told.rows, told.total) == ([], 0)


def test_a_record_with_odd_values_is_json(tmp_path: Path, home: Home) -> None:
    file = tmp_path / "odd.parquet"
    pd.DataFrame(
        {
            "big": [2**60],
            "nan": [float("nan")],
            "inf": [float("inf")],
            "when": [pd.Timestamp("2026-01-01T10:00", tz="UTC")],
            "many": [[1, 2]],
            "bytes": [b"abc"],
        }
    ).to_parquet(file)
    told = rows(file, home)
    assert json.loads(told.model_dump_json())["rows"] == [
        [str(2**60), None, "inf", "2026-01-01T10:00:00+00:00", "[1, 2]", "3 bytes"]
    ]
