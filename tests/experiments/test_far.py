"""The same answers through MLflow's REST API as from its database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labstudio._studio import Studio
from labstudio.experiments.artifacts.access import RunArtifacts
from labstudio.experiments.artifacts.place import LocalPlace, ServedPlace, place_of
from labstudio.experiments.facts.database import DatabaseFacts
from labstudio.experiments.facts.remote import RemoteFacts
from labstudio.experiments.tracking import API
from labstudio.experiments.wire import Metric

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def run(tracked: Studio, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run with metrics, data, a parent and artifacts."""
    experiment = tracked.tracking.ensure_experiment("far")
    parent = tracked.tracking.create_run(experiment, "parent")
    tags = {"mlflow.parentRunId": parent, "mlflow.source.git.commit": "c0ffee"}
    made = tracked.tracking.create_run(experiment, "far", tags=tags, start_time=BEGUN)
    values = [3.0, float("nan"), float("inf"), 1.0, 2.0]
    logged = [
        Metric("loss", value, BEGUN + timedelta(seconds=at), at) for at, value in enumerate(values)
    ]
    tracked.tracking.log_batch(made, [*logged, Metric("auc", 0.5, BEGUN)])
    dataset = {
        "name": "adult",
        "digest": "abc",
        "source_type": "local",
        "source": '{"uri": "adult.csv"}',
        "schema": '{"mlflow_colspec": [{"name": "age", "type": "long"}]}',
        "profile": '{"rows": 3, "sha256": "ff"}',
    }
    context = [{"key": "mlflow.data.context", "value": "training"}]
    inputs = [{"dataset": dataset, "tags": context}]
    tracked.tracking.call("POST", f"{API}/runs/log-inputs", run_id=made, datasets=inputs)
    file = tmp_path_factory.mktemp("far") / "a.txt"
    file.write_text("far away")
    tracked.tracking.upload_artifact(made, "texts/a b.txt", file)
    return made


def test_facts_are_the_same(tracked: Studio, run: str) -> None:
    near, far = tracked.runs.facts, RemoteFacts(tracked.tracking)
    assert isinstance(near, DatabaseFacts)
    assert far.summaries([run]) == near.summaries([run])
    assert far.own_tags([run])[run]["mlflow.source.git.commit"] == "c0ffee"
    assert far.datasets([run]) == near.datasets([run])
    (used,) = near.datasets([run])[run]
    assert (used.uri, used.rows, used.sha256, used.context) == ("adult.csv", 3, "ff", "training")
    parent = tracked.runs.get([run])[0].parent_run_id or ""
    assert far.children(parent) == near.children(parent)
    for window in ((None, None), (1, 3)):
        here = near.histories([run], ["loss", "none"], *window)
        there = far.histories([run], ["loss", "none"], *window)
        assert here.keys() == there.keys() == {(run, "loss")}
        for mine, other in zip(here[run, "loss"], there[run, "loss"], strict=True):
            assert str(mine.tolist()) == str(other.tolist())
    assert near.histories([run], ["none"]) == far.histories([run], ["none"]) == {}
    assert (far.models(run), dict(far.versions(run))) == ([], {})


def test_artifacts_are_the_same(tracked: Studio, run: str) -> None:
    uri = tracked.runs.get([run])[0].artifact_uri or ""
    near = place_of(uri, tracked.home, elsewhere=False)
    far = place_of(uri, tracked.home, elsewhere=True)
    assert isinstance(near, LocalPlace)
    assert isinstance(far, ServedPlace)
    trees = [RunArtifacts(run, each, {}) for each in (near, far)]
    for path in ("", "texts"):
        here, there = (tree.folder(path) for tree in trees)
        assert [(each.path, each.folder, each.size_bytes) for each in here] == [
            (each.path, each.folder, each.size_bytes) for each in there
        ]
    brought = trees[1].file("texts/a b.txt")
    assert brought.read_text() == "far away"
    assert brought.is_relative_to(Path(tracked.home.path / "cache"))
    for answer in (near.entries("nowhere"), far.entries("nowhere"), far.file("no.txt")):
        assert answer is None
