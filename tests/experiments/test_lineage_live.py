"""A real job under a real daemon: what it read, ran as and made is in the lineage soon after."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labstudio._studio import Studio
from labstudio.errors import NotFound
from labstudio.lineage.handle import LineageNode
from labstudio.lineage.objects import content_hash

TRAIN = """
import pandas
from mlflow.models import infer_signature
import mlflow
from sklearn.linear_model import LogisticRegression

frame = pandas.read_csv("in/people.csv")
model = LogisticRegression().fit(frame[["age"]], frame["bought"])
frame.describe().to_csv("summary.csv")
mlflow.sklearn.log_model(
    model, name="buyers", registered_model_name="buyers", serialization_format="cloudpickle"
)
"""


@pytest.mark.slow
def test_a_job_s_model_is_traced_to_the_file_that_it_was_given(
    live_studio: Studio, write_notebook: Callable[..., Path], tmp_path: Path
) -> None:
    data = tmp_path / "people.csv"
    data.write_text("age,bought\n" + "".join(f"{20 + n},{n % 2}\n" for n in range(40)))
    notebook = write_notebook(TRAIN)
    job = live_studio.jobs.submit(
        notebook, inputs={"in/people.csv": "people.csv"}, experiment="lineage"
    )
    job.wait(timeout_s=150)
    assert job.state == "succeeded", job.error
    sha256 = content_hash(data)

    model = soon(live_studio, "model:buyers/1", lambda node: bool(node.jobs()))
    assert {each.id for each in model.jobs()} == {f"job:{job.id}"}
    assert f"run:{job.run_id}" in {each.id for each in model.runs()}
    assert f"data:{sha256}" in {each.id for each in model.datasets()}
    of_file = live_studio.lineage(data)
    assert "model:buyers/1" in {each.id for each in of_file.models()}
    left = soon(live_studio, f"job:{job.id}", lambda node: node.node.state == "succeeded")
    assert "summary.csv" in {each.label for each in left.downstream()}
    # The kernel saw the file being read; that is told of the run after the job's end.
    read = ("read", f"data:{sha256}")
    soon(
        live_studio,
        f"run:{job.run_id}",
        lambda node: read in {(edge.relation, edge.source) for edge in node.graph().edges},
    )

    assert live_studio.lineage.stale(object="model:buyers/1").items == []
    data.write_text("age,bought\n20,1\n")
    stale = {each.node.id: each for each in live_studio.lineage("model:buyers/1").stale()}
    assert stale["model:buyers/1"].recorded_sha256 == sha256
    assert live_studio.lineage.verify().whole


def soon(
    studio: Studio, name: str, so: Callable[[LineageNode], bool], within_s: float = 60
) -> LineageNode:
    """Return an object once the daemon has gathered it as it should be."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            node = studio.lineage(name)
        except NotFound:
            pass
        else:
            if so(node):
                return node
        time.sleep(0.2)
    raise AssertionError(f"{name} is not as it should be after {within_s} s.")
