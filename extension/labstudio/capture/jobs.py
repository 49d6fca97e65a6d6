"""The capsule of a job's run: from what was submitted, and from what its kernel testified."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from labstudio.capture import artifacts
from labstudio.capture.inside.machine import hardware
from labstudio.capture.models import (
    CAPSULE,
    CAPSULE_TAG,
    HISTORY,
    LOCK,
    NOTEBOOK_TAG,
    WORKSPACE_TAG,
    Capsule,
    CellPrint,
    DataPrint,
    GitPrint,
    Hardware,
    PythonPrint,
)
from labstudio.capture.surroundings import lock_of, seeds
from labstudio.capture.wires import dataset
from labstudio.compute.models import LOCAL
from labstudio.jobs.models import JobKind
from labstudio.jobs.runner.protocol import NOTEBOOK, WITNESS
from labstudio.jobs.snapshot import blob_path

if TYPE_CHECKING:
    from labstudio.experiments.tracking import Tracking
    from labstudio.home import Home
    from labstudio.jobs.models import JobDetail, Snapshot

CODE = frozenset((".py", ".ipynb", ".r", ".sh", ".bash", ".toml", ".cfg", ".md"))
SOURCE_LIMIT_BYTES = 5_000_000


def record(tracking: Tracking, home: Home, job: JobDetail, folder: Path) -> None:
    """Keep the capsule of a job's run with it; doing it again changes nothing.

    Parameters
    ----------
    tracking, home
        The studio's.
    job
        The job, ended.
    folder
        Its last attempt's folder.
    """
    assert job.run_id is not None
    run_id, told = job.run_id, testimony(folder)
    lock = lock_of(told.get("packages") or (job.provenance.packages if job.provenance else {}))
    capsule = capsule_of(home, job, told, lock)
    files = {LOCK: lock.encode(), CAPSULE: capsule.model_dump_json(indent=1).encode()}
    for path, content in files.items():
        artifacts.write(tracking, run_id, path, content)
    if (folder / NOTEBOOK).is_file():
        tracking.upload_artifact(run_id, HISTORY, folder / NOTEBOOK)
    if capsule.data:
        entries = [dataset(each.model_dump()) for each in capsule.data]
        artifacts.log_inputs(tracking, run_id, entries)
    tags = {CAPSULE_TAG: "1"}
    if job.kind is JobKind.notebook and job.path:
        tags[NOTEBOOK_TAG] = job.path
    if workspace := job.tags.get("workspace"):
        tags[WORKSPACE_TAG] = workspace
    tracking.set_tags(run_id, tags)


def testimony(folder: Path) -> dict[str, Any]:
    """Return what the kernel of an attempt said of itself; nothing for scripts."""
    try:
        found = json.loads((folder / WITNESS).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def capsule_of(home: Home, job: JobDetail, told: dict[str, Any], lock: str) -> Capsule:
    """Return the capsule of a job that has ended."""
    found, snapshot = job.provenance, job.snapshot
    version = found.python_version if found else None
    git = None
    if found and found.git_commit:
        git = GitPrint(
            commit=found.git_commit,
            branch=found.git_branch,
            dirty=bool(found.git_dirty),
            remote=found.git_remote,
        )
    here = hardware() if job.compute == LOCAL else {}
    return Capsule(
        kind="job",
        notebook=job.path if job.kind is JobKind.notebook else None,
        cell=CellPrint(source=job.spec.code) if job.spec.code else None,
        job_id=job.id,
        user=job.user,
        workspace=job.tags.get("workspace"),
        compute=job.compute,
        started_at=job.started_at or job.created_at,
        git=git,
        python=PythonPrint(**(told.get("python") or {"version": version or "unknown"})),
        platform=told.get("platform") or (found.platform if found else None) or "",
        hardware=Hardware(**(told.get("hardware") or here)),
        seeds=seeds(sources(home, snapshot)) | seed_parameters(job.parameters),
        code_sha256=code_sha256(snapshot),
        lock_sha256=hashlib.sha256(lock.encode()).hexdigest(),
        data=data_of(snapshot, told.get("data") or []),
    )


def data_of(snapshot: Snapshot | None, seen: list[dict[str, Any]]) -> list[DataPrint]:
    """Return what was read: what the kernel saw, and what the job was given and is no code.

    Files in the attempt's own folder are known by the snapshot's paths.
    """
    given = [] if snapshot is None else snapshot.everything
    by_hash = {each.sha256: each for each in given}
    found: dict[tuple[str, str], DataPrint] = {}
    for each in seen:
        data = DataPrint.model_validate(each)
        if (file := by_hash.get(data.sha256)) is not None:
            data.path = file.path
        elif data.path and "/attempts/" in data.path and "/work/" in data.path:
            continue  # The job wrote it itself: no input.
        found[data.sha256, data.path or data.name] = data
    inputs = {each.path for each in snapshot.inputs} if snapshot else set()
    for file in given:
        suffix = PurePosixPath(file.path).suffix.lower()
        if (file.path in inputs or suffix not in CODE) and (file.sha256, file.path) not in found:
            found[file.sha256, file.path] = DataPrint(
                name=PurePosixPath(file.path).name,
                path=file.path,
                sha256=file.sha256,
                size_bytes=file.size_bytes,
            )
    return list(found.values())


def code_sha256(snapshot: Snapshot | None) -> str:
    """Return the hash of a job's code: of each file's path and content, data aside."""
    lines = sorted(
        f"{file.sha256} {file.path}"
        for file in (snapshot.files if snapshot else [])
        if PurePosixPath(file.path).suffix.lower() in CODE or file.path == snapshot.entry  # type: ignore[union-attr]
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sources(home: Home, snapshot: Snapshot | None) -> list[str]:
    """Return a job's Python, cell by cell, as far as it is kept."""
    found: list[str] = []
    for file in snapshot.files if snapshot else []:
        path = blob_path(home, file.sha256)
        if file.size_bytes > SOURCE_LIMIT_BYTES or not os.access(path, os.R_OK):
            continue
        if file.path.endswith(".py"):
            found.append(path.read_text(errors="replace"))
        elif file.path.endswith(".ipynb"):
            found += notebook_sources(path)
    return found


def notebook_sources(path: Path) -> list[str]:
    """Return the code cells of a notebook."""
    try:
        cells = json.loads(path.read_bytes())["cells"]
        return ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def seed_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that are seeds by their name."""
    return {
        name: value
        for name, value in parameters.items()
        if "seed" in name.lower() or name == "random_state"
    }
