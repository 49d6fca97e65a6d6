"""From what was asked for to a row that can be accepted: checked, snapshotted, complete."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.errors import InvalidInput, NotFound
from labstudio.ids import new_id
from labstudio.jobs import provenance, snapshot
from labstudio.jobs.models import NAME_LIMIT, CreateJob, JobKind, JobState, Parameters, Snapshot
from labstudio.jobs.store import now

if TYPE_CHECKING:
    from labstudio.config import StudioConfig
    from labstudio.home import Home

CELL_ENTRY = "cell.ipynb"
_KINDS = {
    ".ipynb": JobKind.notebook,
    ".py": JobKind.script,
    ".sh": JobKind.script,
    ".bash": JobKind.script,
    ".r": JobKind.script,
}


@dataclass(frozen=True)
class Origin:
    """Where a job comes from, beside what was asked for.

    Parameters
    ----------
    user
        Its owner.
    root
        The folder that paths are relative to and may not leave; None trusts the caller.
    payload
        The pickled names of a cell, or call of a function.
    folder
        Where a cell's files are.
    assigns
        The names that a cell gives back.
    """

    user: str
    root: Path | None = None
    payload: bytes | None = None
    folder: Path | None = None
    assigns: tuple[str, ...] = ()
    schedule_id: str | None = None
    sweep_id: str | None = None
    rerun_of: str | None = None


def current_user() -> str:
    """Return the operating system's name of who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def resolve(path: str, root: Path | None) -> Path:
    """Find a source on disk.

    Raises
    ------
    InvalidInput
        When the path leaves the root, by ``..``, as an absolute path or through a link.
    NotFound
        When there is no such file.
    """
    if "\0" in path:
        raise InvalidInput("path holds a null character.", field="path")
    if root is None:
        found = Path(path).expanduser().absolute()
    else:
        # Over REST a leading slash means the root, as in Jupyter's own contents paths.
        found = root / path.removeprefix("/") if not path.startswith("//") else Path(path)
        inside = found.resolve().is_relative_to(root.resolve())
        if ".." in Path(path).parts or not inside:
            raise InvalidInput(f"path {path!r} leaves the server's root folder.", field="path")
    if not found.is_file():
        told = "is a folder, not a notebook or script" if found.is_dir() else "does not exist"
        raise NotFound(f"path {path!r} {told}.", field="path")
    return found


def source_folder(spec: CreateJob, origin: Origin) -> Path:
    """Return the folder that a job comes from, in which its compute is looked for first."""
    if spec.path:
        return resolve(spec.path, origin.root).parent
    return origin.folder or origin.root or Path.cwd()


def kind_of(path: Path) -> JobKind:
    """Tell what a file is by its suffix."""
    try:
        return _KINDS[path.suffix.lower()]
    except KeyError:
        raise InvalidInput(
            f"path {path.name!r} is neither a notebook (.ipynb) nor a script (.py, .sh, .R).",
            field="path",
        ) from None


def prepare(
    spec: CreateJob, origin: Origin, home: Home, settings: StudioConfig
) -> list[dict[str, Any]]:
    """Make the row of one job.

    Everything that can be wrong is found here, before anything is kept.
    """
    return prepare_many([spec.parameters], spec, origin, home, settings)


def prepare_many(
    parameters: list[Parameters],
    spec: CreateJob,
    origin: Origin,
    home: Home,
    settings: StudioConfig,
) -> list[dict[str, Any]]:
    """Make a row for each set of parameters; they share one snapshot."""
    kind: JobKind
    source: Path | None
    if spec.kind in (JobKind.cell, JobKind.function):
        source, kind = None, spec.kind
        spec = _with_requirements(spec, origin.folder or Path.cwd(), origin.root)
        taken = _take_code(spec, origin, home, settings)
        checked = parameters
    else:
        source = resolve(_required(spec.path), origin.root)
        kind = _agreed_kind(spec, source)
        spec = _with_requirements(spec, source.parent, origin.root)
        checked, taken = _take_source(spec, source, parameters, home, settings, origin.root)
    _check_kernel(spec)
    record = provenance.take(source.parent if source else Path.cwd())
    spec = spec.model_copy(update={"kind": kind})
    return [
        _row(spec.model_copy(update={"parameters": each}), origin, taken, record.model_dump())
        for each in checked
    ]


def rerun_row(spec: CreateJob, taken: Snapshot, record: Any, origin: Origin) -> dict[str, Any]:
    """Make the row of a job that runs an earlier one's snapshot again."""
    return _row(spec, origin, taken, record)


def _row(spec: CreateJob, origin: Origin, taken: Snapshot, record: Any) -> dict[str, Any]:
    assert spec.kind is not None
    return {
        "id": new_id(),
        "name": spec.name or _default_name(spec),
        "kind": spec.kind.value,
        "state": JobState.queued.value,
        "compute": spec.compute,
        "user": origin.user,
        "path": spec.path,
        "spec": spec.model_dump(mode="json"),
        "parameters": spec.parameters,
        "tags": spec.tags,
        "snapshot": taken.model_dump(mode="json"),
        "provenance": record,
        "assigns": list(origin.assigns),
        "priority": spec.priority,
        "created_at": now(),
        "attempt": 0,
        "dispatched": 0,
        "attempts_allowed": spec.retries + 1,
        "run_state": "none",
        "schedule_id": origin.schedule_id,
        "sweep_id": origin.sweep_id,
        "rerun_of": origin.rerun_of,
        "stop_requested": False,
        "idempotency_key": spec.idempotency_key,
        "revision": 0,
    }


def _required(path: str | None) -> str:
    if not path:
        raise InvalidInput("path is missing: which notebook or script?", field="path")
    return path


def _default_name(spec: CreateJob) -> str:
    if spec.path:
        return Path(spec.path).name[:NAME_LIMIT]
    lines = [line for line in (spec.code or "").splitlines() if line.strip()]
    return (lines[0].strip() if lines else str(spec.kind))[:60]


def _agreed_kind(spec: CreateJob, source: Path) -> JobKind:
    told = kind_of(source)
    if spec.kind not in (None, told):
        raise InvalidInput(f"kind is {spec.kind}, but {source.name!r} is a {told}.", field="kind")
    if spec.code is not None:
        raise InvalidInput("code goes with kind `cell` only, not with a path.", field="code")
    return told


def _with_requirements(spec: CreateJob, folder: Path, root: Path | None) -> CreateJob:
    """Check the requirements, and read their file now: what it says later changes nothing."""
    asked = spec.environment
    if not asked.requirements and asked.requirements_file is None:
        return spec
    from labstudio.jobs import requirements

    lines = requirements.check(asked.requirements, folder, root)
    if (named := asked.requirements_file) is not None:
        lines += requirements.read((folder / named).expanduser(), named, root)
    kept = asked.model_copy(update={"requirements": lines, "requirements_file": None})
    return spec.model_copy(update={"environment": kept})


def _take_source(
    spec: CreateJob,
    source: Path,
    parameters: list[Parameters],
    home: Home,
    settings: StudioConfig,
    root: Path | None,
) -> tuple[list[Parameters], Snapshot]:
    from labstudio.jobs.inspect import inspect, select_files
    from labstudio.jobs.parameters import check

    info = inspect(source)
    checked = [check(info.parameters, each) for each in parameters]
    folder = source.parent
    chosen = (
        [folder / name for name in info.files]
        if spec.files is None
        else select_files(folder, spec.files)
    )
    if root is not None:
        inside = root.resolve()
        for path in chosen:
            if not path.resolve().is_relative_to(inside):
                raise InvalidInput(f"files: {path.name!r} leads out of the root.", field="files")
    files = [(path.relative_to(folder).as_posix(), path) for path in chosen if path != source]
    taken = snapshot.take(
        home,
        source.name,
        [(source.name, source), *files],
        limit_bytes=settings.snapshot_limit_bytes,
    )
    return checked, taken


def _take_code(spec: CreateJob, origin: Origin, home: Home, settings: StudioConfig) -> Snapshot:
    if spec.code is None or not spec.code.strip():
        raise InvalidInput("code is missing: a cell job needs its source.", field="code")
    if spec.path is not None:
        raise InvalidInput("path does not go with a cell; give one or the other.", field="path")
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "cell",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": spec.code,
    }
    notebook = {
        "cells": [cell],
        "metadata": {
            "kernelspec": {
                "name": spec.kernel_name or "python3",
                "display_name": spec.kernel_name or "Python 3",
                "language": "python",
            },
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    files: list[tuple[str, Path]] = []
    if spec.files and origin.folder is not None:
        from labstudio.jobs.inspect import select_files

        chosen = select_files(origin.folder, spec.files)
        files = [(path.relative_to(origin.folder).as_posix(), path) for path in chosen]
    taken = snapshot.take(
        home,
        CELL_ENTRY,
        files,
        {CELL_ENTRY: json.dumps(notebook).encode()},
        limit_bytes=settings.snapshot_limit_bytes,
    )
    if origin.payload is not None:
        taken.payload = snapshot.store_bytes(home, origin.payload)
    return taken


def _check_kernel(spec: CreateJob) -> None:
    if spec.kernel_name is None:
        return
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    manager = KernelSpecManager()
    try:
        manager.get_kernel_spec(spec.kernel_name)
    except NoSuchKernel as error:
        known = ", ".join(sorted(manager.find_kernel_specs())) or "none"
        raise InvalidInput(
            f"kernel_name {spec.kernel_name!r} is no kernel here; there are: {known}.",
            field="kernel_name",
        ) from error
