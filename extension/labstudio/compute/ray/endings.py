"""What Ray says of a job that ended without a result."""

from __future__ import annotations

from typing import Any

from labstudio.compute.ray.client import FAILED, last_line
from labstudio.jobs.models import JobError

NO_ENVIRONMENT, TOLD_CHARACTERS = "RUNTIME_ENV_SETUP_FAILURE", 2000
TOLD_AT_MOST = 240


def environment_error(details: dict[str, Any] | None) -> JobError | None:
    """Tell an environment that cannot be had from a job that was lost."""
    if details is None or details.get("error_type") != NO_ENVIRONMENT:
        return None
    said = str(details["message"])
    text = f"Ray cannot build the environment: {last_line(said)}"
    return JobError(type="EnvironmentBuild", message=text, traceback=said[-TOLD_CHARACTERS:])


def sentence(details: dict[str, Any]) -> str:
    """Say why a job ended without a result."""
    status, message = details["status"], str(details.get("message") or "")
    code = details.get("driver_exit_code")
    if status == FAILED and code is not None:
        return (
            f"The job's process on node {details.get('driver_node_id', '')[:12]} ended without a "
            f"result, with exit code {code}: it was killed, or Ray's Python there lacks a package "
            "(`labstudio compute test` says which)."
        )
    if status == FAILED:
        return f"Ray says: {_first_sentences(last_line(message))}"
    return "Ray stopped the job before it wrote a result."


def _first_sentences(text: str) -> str:
    """Leave out the advice that Ray adds to what it says."""
    whole = text[:TOLD_AT_MOST].rpartition(". ")[0]
    return text if len(text) <= TOLD_AT_MOST or not whole else f"{whole}."
