"""One run, runs beside each other, views and artifacts, as a browser meets them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from labstudio._studio import Studio
from labstudio.experiments.wire import Metric

Call = Callable[..., Awaitable[Any]]


@pytest.fixture
def run(tracked: Studio, tmp_path: Path) -> str:
    """A run with a curve and a few artifacts, one of them hostile."""
    experiment = tracked.tracking.ensure_experiment("rest")
    made = tracked.tracking.create_run(experiment, "rest")
    now = datetime.now(UTC)
    tracked.tracking.log_batch(made, [Metric("loss", 1.0 / each, now, each) for each in (1, 2, 4)])
    for name, content in {
        "page.html": "<script>parent.document</script>",
        "plots/a.svg": "<svg/>",
        "model.pkl": "x",
        "table.csv": "a,b\n1,x\n2,y\n",
    }.items():
        file = tmp_path / name.rpartition("/")[2]
        file.write_text(content)
        tracked.tracking.upload_artifact(made, name, file)
    return made


async def test_a_run_is_read_and_changed(call: Call, run: str) -> None:
    told = json.loads((await call("GET", "runs", run)).body)
    assert (told["id"], told["metrics"], told["capsule"]) == (run, {"loss": 0.25}, None)
    changed = await call("PATCH", "runs", run, body={"note": "hello", "tags": {"a": "b"}})
    assert (changed.code, json.loads(changed.body)["note"]) == (200, "hello")
    edited = await call("POST", "runs/edit", body={"ids": [run], "favourite": True})
    assert json.loads(edited.body) == {"changed": [run], "left": []}
    assert json.loads((await call("GET", "runs", run)).body)["favourite"]
    for method, path, body in (
        ("GET", "runs/nowhere", None),
        ("PATCH", "runs/nowhere", {"name": "x"}),
        ("POST", "runs/edit", {"ids": ["nowhere"], "archived": True}),
        ("GET", "runs/nowhere/artifacts", None),
    ):
        answer = await call(method, path, body=body)
        assert (answer.code, json.loads(answer.body)["message"]) == (
            404,
            "There is no run nowhere.",
        )


async def test_curves_and_comparison_are_given(call: Call, run: str) -> None:
    asked = {"run": run, "metric": "loss", "points": "5"}
    (curve,) = json.loads((await call("GET", "runs/curves", params=asked)).body)["series"]
    assert (curve["x"], curve["y"], curve["total"]) == ([1, 2, 4], [1, 0.5, 0.25], 3)
    wrong = await call("GET", "runs/curves", params={**asked, "points": "1"})
    assert (wrong.code, json.loads(wrong.body)["details"]["field"]) == (400, "points")
    compared = json.loads((await call("GET", "runs/compare", params={"run": run})).body)
    assert compared["metrics"][0]["values"][run]["low"] == 0.25
    assert "Its code was not recorded." in compared["runs"][0]["missing"]


async def test_artifacts_are_sent_into_a_sandbox(call: Call, run: str) -> None:
    listed = json.loads((await call("GET", "runs", run, "artifacts")).body)["items"]
    assert [(each["name"], each["preview"]) for each in listed] == [
        ("plots", "folder"),
        ("model.pkl", "none"),
        ("page.html", "html"),
        ("table.csv", "table"),
    ]
    where = ("GET", "runs", run, "artifacts", "file")
    page = await call(*where, params={"path": "page.html"})
    policy = page.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-same-origin" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert "Content-Disposition" not in page.headers
    unsafe = await call(*where, params={"path": "model.pkl"})
    assert unsafe.headers["Content-Disposition"].startswith("attachment")
    part = await call(*where, params={"path": "table.csv"}, headers={"Range": "bytes=0-2"})
    assert (part.code, part.body) == (206, b"a,b")
    table = await call(
        "GET", "runs", run, "artifacts/table", params={"path": "table.csv", "order_by": "a DESC"}
    )
    assert json.loads(table.body)["rows"] == [[2, "y"], [1, "x"]]


@pytest.mark.parametrize(
    "path",
    [
        "../../x",
        "..",
        "plots/../../../x",
        "%2e%2e/%2e%2e/x",
        "..%2f..%2fx",
        "..\\..\\x",
        "/etc/hostname",
        "//etc/hostname",
        "plots/./a.svg",
        "mlflow.db\0.html",
        "．．/．．/x",
    ],
)
async def test_a_path_leads_nowhere_else(call: Call, run: str, tracked: Studio, path: str) -> None:
    secret = tracked.home.artifacts.parent / "x"
    secret.write_text("secret")
    for of in ("artifacts/file", "artifacts", "artifacts/table"):
        answer = await call("GET", "runs", run, of, params={"path": path})
        assert answer.code in (400, 404), (of, answer.body)
        assert b"secret" not in answer.body


async def test_views_are_their_owners(call: Call) -> None:
    spec = {"topic": "runs", "name": "mine", "content": {"columns": ["metrics.auc"]}}
    made = json.loads((await call("POST", "views", body=spec)).body)
    assert (await call("POST", "views", body=spec)).code == 409
    changed = await call("PATCH", "views", made["id"], body={"name": "ours", "shared": True})
    assert json.loads(changed.body)["shared"]
    listed = json.loads((await call("GET", "views", params={"topic": "runs"})).body)["items"]
    assert [each["name"] for each in listed] == ["ours"]
    assert (await call("DELETE", "views", made["id"])).code == 204
    assert (await call("DELETE", "views", made["id"])).code == 404
