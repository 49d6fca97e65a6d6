"""A small shop of machine learning, as its records say: jobs, runs, data and models of one home."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labstudio._studio import Studio
from labstudio.jobs.models import CreateJob, Job
from labstudio.lineage.harvest import Harvest

START_MS = 1_700_000_000_000


def sha256(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


@dataclass
class Shop:
    """Writes into MLflow's own store and the studio, without a server or a daemon.

    Parameters
    ----------
    studio
        On a home whose MLflow store has its tables.
    store
        MLflow's own store on that.
    registry
        MLflow's own registry on that.
    folder
        Where data lies.
    """

    studio: Studio
    store: Any
    registry: Any
    folder: Path
    harvest: Harvest = field(init=False)

    def __post_init__(self) -> None:
        self.harvest = Harvest(self.studio)

    def file(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.write_text(content)
        return path

    def job(self, path: Path, inputs: dict[str, str] | None = None) -> Job:
        """Accept a job; it waits, for there is no daemon."""
        return self.studio.jobs.create(CreateJob(path=str(path), inputs=inputs or {}))

    def run(
        self, *read: Path, name: str = "run", status: str | None = "FINISHED", **tags: str
    ) -> str:
        """Make a run that read some files, as a kernel's capture records them."""
        from mlflow.entities import Dataset, DatasetInput, InputTag, RunTag

        labels = [RunTag(key.replace("__", "."), value) for key, value in tags.items()]
        run = self.store.create_run("0", "ann", START_MS, labels, name)
        run_id: str = run.info.run_id
        inputs = []
        for path in read:
            digest = sha256(path.read_text())
            profile = {"sha256": digest, "rows": 2, "columns": 2, "size_bytes": 8}
            columns = {"mlflow_colspec": [{"name": "a", "type": "long", "required": False}]}
            source = json.dumps({"uri": str(path)})
            data = Dataset(
                path.name, digest[:32], "local", source, json.dumps(columns), json.dumps(profile)
            )
            inputs.append(DatasetInput(data, [InputTag("mlflow.data.context", "training")]))
        self.store.log_inputs(run_id, inputs)
        if status:
            self.end(run_id, status)
        return run_id

    def end(self, run_id: str, status: str) -> None:
        from mlflow.entities import RunStatus

        self.store.update_run_info(run_id, RunStatus.from_string(status), START_MS + 1000, None)

    def log_model(self, run_id: str) -> str:
        """Log a model in a run; return its id."""
        from mlflow.entities import LoggedModelOutput
        from mlflow.entities.logged_model_status import LoggedModelStatus

        made = self.store.create_logged_model("0", "forest", run_id)
        self.store.log_outputs(run_id, [LoggedModelOutput(made.model_id, 0)])
        self.store.finalize_logged_model(made.model_id, LoggedModelStatus.READY)
        found: str = made.model_id
        return found

    def register(self, name: str, source: str, run_id: str | None = None) -> str:
        """Register a version; return its name in the lineage."""
        from mlflow.exceptions import MlflowException

        with suppress(MlflowException):  # it is there already
            self.registry.create_registered_model(name)
        version = self.registry.create_model_version(name, source, run_id)
        return f"model:{name}/{version.version}"

    def artifact(self, run_id: str, path: str, content: object) -> None:
        uri = self.store.get_run(run_id).info.artifact_uri
        file = (
            self.studio.home.artifacts / uri.removeprefix("mlflow-artifacts:/").lstrip("/") / path
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
