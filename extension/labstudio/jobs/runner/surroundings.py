"""What the user's code finds around it: environment variables and working folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labstudio.errors import InvalidInput
from labstudio.jobs.runner.protocol import ATTEMPT_VARIABLE, WORK, AttemptSpec

OURS = ("LABSTUDIO_JOB_ID", ATTEMPT_VARIABLE, "LABSTUDIO_PARAMETERS")
NOT_INHERITED = (
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_TOKEN",
    "JPY_PARENT_PID",
    "JPY_SESSION_NAME",
    "PYTHONSAFEPATH",
    *OURS,
)
PATIENCE = {
    # A tracking server that restarts is waited for, about a minute in all; one that hangs, not.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "7",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
}


def working_folder(folder: Path, spec: AttemptSpec) -> Path:
    """Return the folder that the code runs in: its own, within the attempt's working folder.

    Raises
    ------
    InvalidInput
        When the entry leaves the working folder.
    """
    entry = Path(spec.entry)
    if entry.is_absolute() or ".." in entry.parts:
        raise InvalidInput(f"The entry {spec.entry!r} leaves the working folder.", field="entry")
    return (folder / WORK / entry).parent


def environment(spec: AttemptSpec, python: str | None = None) -> dict[str, str]:
    """Return the whole environment of the user's code.

    Parameters
    ----------
    spec
        The attempt.
    python
        The interpreter that it runs with: commands beside it are found first.
    """
    found = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    interpreter = python or sys.executable
    beside = str(Path(interpreter).parent)
    path = found.get("PATH", os.defpath)
    if path.split(os.pathsep)[0] != beside:
        found["PATH"] = os.pathsep.join([beside, path])
    if python is not None and python != sys.executable:
        found.pop("PYTHONHOME", None)
        found.pop("PYTHONPATH", None)
        found.pop("VIRTUAL_ENV", None)
        if (Path(beside).parent / "pyvenv.cfg").exists():
            found["VIRTUAL_ENV"] = str(Path(beside).parent)
    found["PYTHONUNBUFFERED"] = "1"
    found["LABSTUDIO_HOME"] = spec.home
    if spec.tracking is not None:
        for name, value in PATIENCE.items():
            found.setdefault(name, value)
        found["MLFLOW_TRACKING_URI"] = spec.tracking.uri
        if spec.tracking.run_id is not None:
            found["MLFLOW_RUN_ID"] = spec.tracking.run_id
        if spec.tracking.experiment_id is not None:
            found["MLFLOW_EXPERIMENT_ID"] = spec.tracking.experiment_id
        if spec.tracking.token:
            found["MLFLOW_TRACKING_TOKEN"] = spec.tracking.token
    found.update(spec.env)
    found["LABSTUDIO_JOB_ID"] = spec.job_id
    found[ATTEMPT_VARIABLE] = spec.marker
    return found
