"""What the user's code finds around it: environment variables and working folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from labstudio.errors import InvalidInput
from labstudio.jobs.runner.protocol import ATTEMPT_VARIABLE, WORK, AttemptSpec

OURS = ("LABSTUDIO_JOB_ID", ATTEMPT_VARIABLE, "LABSTUDIO_PARAMETERS")
URL = "LABSTUDIO_URL"
MLFLOW = "/mlflow"
NOT_INHERITED = (
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_TOKEN",
    "LABSTUDIO_HOME",
    "LABSTUDIO_TOKEN",
    URL,
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
    if spec.tracking is not None:
        for name, value in PATIENCE.items():
            found.setdefault(name, value)
    return found | ours(spec)


def ours(spec: AttemptSpec) -> dict[str, str]:
    """Return what the studio itself, and the job, put into the environment of the user's code."""
    found = {"PYTHONUNBUFFERED": "1"}
    gateway = spec.gateway
    if gateway is None:
        found["LABSTUDIO_HOME"] = spec.home
    else:
        found["LABSTUDIO_TOKEN"] = gateway.token
        if url := gateway.url or os.environ.get(URL):
            found[URL] = url
    if (tracking := spec.tracking) is not None:
        behind = f"{found[URL]}{MLFLOW}" if URL in found else None
        told = {
            "MLFLOW_TRACKING_URI": tracking.uri if gateway is None else behind,
            "MLFLOW_TRACKING_TOKEN": tracking.token if gateway is None else gateway.token,
            "MLFLOW_RUN_ID": tracking.run_id,
            "MLFLOW_EXPERIMENT_ID": tracking.experiment_id,
        }
        found.update({name: value for name, value in told.items() if value})
    found.update(spec.env)
    found["LABSTUDIO_JOB_ID"] = spec.job_id
    found[ATTEMPT_VARIABLE] = spec.marker
    return found
