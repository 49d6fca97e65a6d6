"""A run's small artifacts in the tracking server: the capsule and what goes with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pydantic import ValidationError

from labstudio.capture.models import CAPSULE, Capsule
from labstudio.errors import NotFound
from labstudio.experiments.tracking import API

if TYPE_CHECKING:
    from collections.abc import Sequence

    from labstudio.experiments.tracking import Tracking


def write(tracking: Tracking, run_id: str, path: str, content: bytes) -> None:
    """Keep some content as an artifact; an older one of that path is replaced."""
    address = f"{tracking.artifact_root(run_id)}/{quote(path)}"
    headers = {"Content-Type": "application/octet-stream"}
    tracking.send("PUT", address, content=content, headers=headers)


def read(tracking: Tracking, run_id: str, path: str) -> bytes | None:
    """Return an artifact's content; None when the run has none of that path."""
    try:
        answer = tracking.send("GET", f"{tracking.artifact_root(run_id)}/{quote(path)}")
    except NotFound:
        return None
    return bytes(answer.content)


def read_capsule(tracking: Tracking, run_id: str) -> Capsule | None:
    """Return a run's capsule; None where it has none that can be read."""
    content = read(tracking, run_id, CAPSULE)
    if content is None:
        return None
    try:
        return Capsule.model_validate_json(content)
    except ValidationError:
        return None


def log_inputs(tracking: Tracking, run_id: str, datasets: Sequence[dict[str, Any]]) -> None:
    """Log datasets as MLflow's own inputs of a run."""
    entries = [{"dataset": each, "tags": []} for each in datasets]
    tracking.call("POST", f"{API}/runs/log-inputs", run_id=run_id, datasets=entries)
