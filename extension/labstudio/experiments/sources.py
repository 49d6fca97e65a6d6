"""A run's code, wherever it was kept: a job's snapshot, or the cells of a notebook's capsule."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from labstudio.capture.models import HISTORY
from labstudio.errors import NotFound
from labstudio.experiments.code_diff import TEXT_LIMIT_BYTES, Source

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.capture.models import Capsule
    from labstudio.experiments.artifacts.access import RunArtifacts
    from labstudio.experiments.models import Run
    from labstudio.jobs.models import JobDetail


class Found(NamedTuple):
    """Code, and what kind of thing it is of."""

    kind: str
    source: Source | None


def job_of(studio: Studio, run: Run) -> JobDetail | None:
    """Return the job that made a run; None where none did, or it was deleted."""
    if run.job_id is None:
        return None
    try:
        return studio.jobs.detail(run.job_id)
    except NotFound:
        return None


def source_of(
    studio: Studio, job: JobDetail | None, tree: RunArtifacts, capsule: Capsule | None
) -> Found:
    """Return a run's code."""
    if job is not None and job.snapshot is not None:
        from labstudio.jobs.snapshot import blob_path

        hashes = {each.path: each.sha256 for each in job.snapshot.files}
        files = {path: text_of(blob_path(studio.home, found)) for path, found in hashes.items()}
        return Found("a job", Source(files, hashes))
    history = tree.text(HISTORY)
    if history is not None:
        name = capsule.notebook if capsule and capsule.notebook else "notebook.ipynb"
        name = name if name.endswith(".ipynb") else f"{name}.ipynb"
        digest = hashlib.sha256(history.encode()).hexdigest()
        return Found("a notebook's cells", Source({name: history}, {name: digest}))
    if capsule is not None and capsule.cell is not None and capsule.cell.source:
        digest = hashlib.sha256(capsule.cell.source.encode()).hexdigest()
        return Found("a cell", Source({"cell": capsule.cell.source}, {"cell": digest}))
    return Found("nothing", None)


def text_of(path: Path) -> str | None:
    """Return a file's text; None where it is no text, too long, or gone."""
    try:
        if path.stat().st_size > TEXT_LIMIT_BYTES:
            return None
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
