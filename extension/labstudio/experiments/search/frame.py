"""Runs as a pandas DataFrame, with the columns of ``mlflow.search_runs``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from labstudio.experiments.models import Run


def frame(runs: Sequence[Run]) -> pd.DataFrame:
    """Return runs as rows: attributes, then metrics, params and tags, each by name."""
    import pandas as pd

    attributes: dict[str, Any] = {
        "run_id": [run.id for run in runs],
        "experiment_id": [run.experiment_id for run in runs],
        "status": [run.status for run in runs],
        "artifact_uri": [run.artifact_uri for run in runs],
        "start_time": pd.to_datetime([run.started_at for run in runs], utc=True),
        "end_time": pd.to_datetime([run.ended_at for run in runs], utc=True),
    }
    columns = dict(attributes)
    for kind, held in (
        ("metrics", [run.metrics for run in runs]),
        ("params", [run.params for run in runs]),
        ("tags", [tags(run) for run in runs]),
    ):
        for key in sorted({key for each in held for key in each}):
            columns[f"{kind}.{key}"] = [each.get(key) for each in held]
    made = pd.DataFrame(columns)
    numbers = [name for name in made if str(name).startswith("metrics.")]
    return made.astype(dict.fromkeys(numbers, "float64"))


def tags(run: Run) -> dict[str, str]:
    """Return a run's tags, MLflow's own among them as far as a row of the table knows them."""
    own = {
        "mlflow.runName": run.name,
        "mlflow.user": run.user,
        "mlflow.source.name": run.source,
        "mlflow.parentRunId": run.parent_run_id,
        "mlflow.note.content": run.note,
    }
    return run.tags | {key: value for key, value in own.items() if value}
