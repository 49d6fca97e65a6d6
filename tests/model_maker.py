"""Models for tests of the registry and of cards: small, real, and logged without loading them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labstudio._studio import Studio
from labstudio.ids import new_id
from labstudio.registry.client import MODELS, VERSIONS

MLMODEL = """\
flavors:
  python_function: {loader_module: mlflow.sklearn, python_version: 3.11.7}
  sklearn: {serialization_format: cloudpickle}
mlflow_version: 3.17.2
model_size_bytes: 1449
saved_input_example_info: {artifact_path: input_example.json, type: dataframe}
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "int64", "shape": [-1]}}]'
  params: null
utc_time_created: '2026-01-02 03:04:05.000006'
"""
BIAS = {"facet": "sex", "metrics": {"DPL": {"value": -0.08, "low": -0.1, "high": -0.06}}}


@dataclass
class Made:
    """A run with a model among its artifacts, and the version that was registered from it."""

    studio: Studio
    run_id: str
    name: str
    version: int
    data: Path
    folder: Path
    params: dict[str, Any] = field(default_factory=dict)

    def put(self, path: str, content: str | bytes) -> None:
        """Write an artifact of the run, again too."""
        file = self.folder / "upload"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        self.studio.tracking.upload_artifact(self.run_id, path, file)


def make(studio: Studio, folder: Path, name: str, version: int = 1, **params: Any) -> Made:
    """Log a run with data, predictions, a report and a model, and register it."""
    tracking, experiment = studio.tracking, studio.tracking.ensure_experiment("cards")
    tags = {
        "labstudio.notebook": "studies/train.ipynb",
        "labstudio.cell": "7",
        "estimator_name": "LogisticRegression",
    }
    run_id = tracking.create_run(experiment, f"train {new_id()}", tags=tags, user="ada")
    data = folder / f"{name}.csv"
    data.write_text("age,y\n1,0\n2,1\n")
    made = Made(
        studio, run_id, name, version, data, folder, {"C": "3", "solver": "lbfgs", **params}
    )
    tracking.log_params(run_id, made.params)
    log_metrics(studio, run_id, test_accuracy=0.875, training_accuracy=0.9, train_loss=0.21)
    made.put("labstudio/capsule.json", json.dumps(capsule(data)))
    made.put("clarify/bias.json", json.dumps(BIAS))
    made.put("model/MLmodel", MLMODEL)
    made.put("model/requirements.txt", f"scikit-learn==1.{version}\nnumpy==2.0\n")
    made.put("model/input_example.json", '{"columns": ["age"], "data": [[1.0]]}')
    tracking.end_run(run_id, "FINISHED")
    client = studio.registry.client
    if version == 1:
        client.write("POST", f"{MODELS}/create", "ada", name=name)
    source = f"{client.run(run_id)['info']['artifact_uri']}/model"
    client.write("POST", f"{VERSIONS}/create", "ada", name=name, source=source, run_id=run_id)
    return made


def log_metrics(studio: Studio, run_id: str, **values: float) -> None:
    """Log metrics at step 0."""
    from datetime import UTC, datetime

    from labstudio.experiments.wire import Metric

    now = datetime.now(UTC)
    studio.tracking.log_batch(run_id, [Metric(key, each, now) for key, each in values.items()])


def capsule(data: Path) -> dict[str, Any]:
    """Return what a capsule of a notebook's run says."""
    return {
        "format": 1,
        "kind": "notebook",
        "notebook": "studies/train.ipynb",
        "cell": {"id": "a", "index": 3, "execution_count": 7, "source": "fit()"},
        "user": "ada",
        "compute": "local",
        "started_at": "2026-01-02T03:04:05Z",
        "git": {"commit": "0" * 40, "dirty": True},
        "python": {"version": "3.11.7"},
        "platform": "Linux",
        "hardware": {"cpu": "a processor", "gpus": []},
        "code_sha256": "c" * 64,
        "lock_sha256": "d" * 64,
        "data": [
            {
                "name": data.name,
                "path": str(data),
                "sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
                "rows": 2,
                "kind": "file",
            }
        ],
    }


def predictions(folder: Path) -> bytes:
    """Return a Parquet file of predictions of two classes; three of four are right."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {
        "y_true": ["no", "no", "yes", "yes"],
        "y_pred": ["no", "yes", "yes", "yes"],
        "y_score": [0.1, 0.6, 0.55, 0.9],
    }
    file = folder / "predictions.parquet"
    parquet.write_table(pa.table(columns), file)
    return file.read_bytes()
