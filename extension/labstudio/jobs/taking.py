"""What a job takes along: its code and files read where they lie, checked, and kept by content."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from labstudio.errors import InvalidInput, NotFound
from labstudio.jobs import provenance, snapshot
from labstudio.jobs.declared import take_inputs
from labstudio.jobs.models import (
    CreateJob,
    Environment,
    JobKind,
    Parameters,
    Provenance,
    Snapshot,
)
from labstudio.jobs.placing import placed

if TYPE_CHECKING:
    from labstudio.home import Home

CELL_ENTRY = "cell.ipynb"
IMAGE_SCHEME, IMAGE_ENTRY = "docker://", ".image"
_KINDS = {
    ".ipynb": JobKind.notebook,
    ".py": JobKind.script,
    ".sh": JobKind.script,
    ".bash": JobKind.script,
    ".r": JobKind.script,
}


@dataclass(frozen=True)
class Place:
    """Where the code is read, beside what the spec says.

    Parameters
    ----------
    root
        The folder that paths are relative to and may not leave; None trusts the caller.
    payload
        The pickled names of a cell, or call of a function.
    folder
        Where a cell's files are.
    """

    root: Path | None = None
    payload: bytes | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Taken:
    """A job's code as it is now, with all that can be wrong with it found.

    Parameters
    ----------
    spec
        What was asked for, its kind told and its requirements read.
    points
        The parameters of each job, checked.
    snapshot
        The files, kept in the home.
    provenance
        What the code was and ran in.
    """

    spec: CreateJob
    points: list[Parameters]
    snapshot: Snapshot
    provenance: Provenance


def take(
    points: list[Parameters], spec: CreateJob, place: Place, home: Home, limit_bytes: int
) -> Taken:
    """Read and keep the code of jobs that differ in parameters only.

    Parameters
    ----------
    points
        The parameters of each.
    spec
        What is asked for.
    place
        Where the code lies.
    home
        The home that keeps the files.
    limit_bytes
        The most that the files together may hold; 0 for no limit.
    """
    source: Path | None
    kind: JobKind
    if (image := image_of(spec.path)) is not None:
        source, kind = None, JobKind.image
        spec = _of_image(spec, image)
        taken = snapshot.take(home, IMAGE_ENTRY, [], {IMAGE_ENTRY: image.encode()})
    elif spec.kind in (JobKind.cell, JobKind.function):
        source, kind = None, spec.kind
        spec = _with_requirements(spec, place.folder or Path.cwd(), place.root)
        taken = _take_code(spec, place, home, limit_bytes)
    else:
        source = resolve(_required(spec.path), place.root)
        kind = _agreed_kind(spec, source)
        spec = _with_requirements(spec, source.parent, place.root)
        points, taken = _take_source(spec, source, points, home, limit_bytes, place.root)
    folder = source.parent if source else place.folder or place.root or Path.cwd()
    own = {file.path for file in taken.files}
    taken.inputs = take_inputs(home, spec.inputs, folder, place.root, own)
    record = provenance.take(source.parent if source else Path.cwd())
    return Taken(spec.model_copy(update={"kind": kind}), points, taken, record)


def verified(taken: Taken, home: Home, limit_bytes: int) -> Taken:
    """Check code that was read elsewhere, and say where it runs.

    The content of its files must be in the home.

    Parameters
    ----------
    taken
        What was read there.
    home
        The home that keeps the files.
    limit_bytes
        The most that the files together may hold; 0 for no limit.

    Raises
    ------
    InvalidInput
        When something is wrong or missing.
    TooLarge
        When the files hold more.
    """
    from labstudio.jobs.inspect import inspect_content
    from labstudio.jobs.parameters import check

    found, spec = taken.snapshot, taken.spec
    snapshot.verify(home, found, limit_bytes)
    for file in found.inputs:
        file.source = None  # a path there means nothing here
    if spec.kind is JobKind.image:
        return replace(taken, spec=placed(_of_image(spec, image_of(spec.path) or ""), None))
    if spec.kind in (JobKind.cell, JobKind.function):
        return replace(taken, spec=placed(_with_requirements(spec, Path("/"), None), None))
    name = found.entry.rpartition("/")[2]
    spec = spec.model_copy(update={"kind": _agreed_kind(spec, Path(name))})
    entry = next(file for file in found.files if file.path == found.entry)
    info = inspect_content(snapshot.blob_path(home, entry.sha256).read_bytes(), name)
    points = [check(info.parameters, each) for each in taken.points]
    spec = placed(_with_requirements(spec, Path("/"), None), info.compute)
    return replace(taken, spec=spec, points=points)


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


def image_of(path: str | None) -> str | None:
    """Return the image that a path names as ``docker://IMAGE``; None where it is a file's."""
    return path.removeprefix(IMAGE_SCHEME) if path and path.startswith(IMAGE_SCHEME) else None


def _of_image(spec: CreateJob, image: str) -> CreateJob:
    """Check the spec of a job that runs an image, and put the image into its environment.

    Raises
    ------
    InvalidInput
        When something is asked for that an image does not take.
    """
    if spec.kind not in (None, JobKind.image):
        raise InvalidInput(f"kind is {spec.kind}, but {spec.path!r} is an image.", field="kind")
    asked = spec.environment
    if asked.requirements or asked.requirements_file or asked.python:
        raise InvalidInput(
            "environment does not go with an image of one's own.", field="environment"
        )
    for field in ("code", "files", "kernel_name"):
        if getattr(spec, field):
            raise InvalidInput(f"{field} does not go with an image.", field=field)
    try:
        kept = Environment(image=image)
    except ValidationError:
        raise InvalidInput(f"path {spec.path!r} names no image.", field="path") from None
    return spec.model_copy(update={"environment": kept, "kind": JobKind.image})


def kind_of(path: Path) -> JobKind:
    """Tell what a file is by its suffix."""
    try:
        return _KINDS[path.suffix.lower()]
    except KeyError:
        raise InvalidInput(
            f"path {path.name!r} is neither a notebook (.ipynb) nor a script (.py, .sh, .R).",
            field="path",
        ) from None


def _required(path: str | None) -> str:
    if not path:
        raise InvalidInput("path is missing: which notebook or script?", field="path")
    return path


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
    limit_bytes: int,
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
        limit_bytes=limit_bytes,
    )
    return checked, taken


def _take_code(spec: CreateJob, place: Place, home: Home, limit_bytes: int) -> Snapshot:
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
    if spec.files and place.folder is not None:
        from labstudio.jobs.inspect import select_files

        chosen = select_files(place.folder, spec.files)
        files = [(path.relative_to(place.folder).as_posix(), path) for path in chosen]
    taken = snapshot.take(
        home,
        CELL_ENTRY,
        files,
        {CELL_ENTRY: json.dumps(notebook).encode()},
        limit_bytes=limit_bytes,
    )
    if place.payload is not None:
        taken.payload = snapshot.store_bytes(home, place.payload)
    return taken
