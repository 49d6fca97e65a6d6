"""Making a run's capsule from what a session knows, and handing it to the sender."""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.capture import surroundings
from labstudio.capture.inside.machine import hardware, packages, python
from labstudio.capture.models import (
    CAPSULE,
    CAPSULE_TAG,
    CELL_TAG,
    DIFF,
    HISTORY,
    LOCK,
    NOTEBOOK_TAG,
    ORDINAL_TAG,
    WORKSPACE_TAG,
    Capsule,
    DataPrint,
    GitPrint,
    Hardware,
    PythonPrint,
)
from labstudio.capture.surroundings import lock_of
from labstudio.capture.wires import dataset

if TYPE_CHECKING:
    from labstudio.capture.session import MadeRun, Session


@dataclass(frozen=True)
class Around:
    """What does not change while a run goes on."""

    git: GitPrint | None
    diff: bytes
    lock: str
    hardware: Hardware


def look_around(folder: Path) -> Around:
    """Return git, packages and machine as they are now."""
    found, diff = surroundings.git(folder)
    return Around(found, diff, lock_of(packages()), Hardware(**hardware()))


def publish(session: Session, run: MadeRun, upto: int) -> None:
    """Write a run's capsule as far as it is known; it is written anew when more is known."""
    notebook = Path(session.notebook) if session.notebook else None
    folder = notebook.parent if notebook and notebook.is_absolute() else Path.cwd()
    first = run.around is None
    if first:
        run.around = look_around(folder)
    around: Around = run.around
    data = [DataPrint.model_validate(each) for each in session.witness.data.values()]
    history = session.history
    sources = history.sources(upto) if history else _script()
    capsule = Capsule(
        kind="notebook" if history else "script",
        notebook=session.notebook if history else script_path(),
        cell=history.cell(run.cell, notebook) if history else None,
        job_id=os.environ.get("LABSTUDIO_JOB_ID"),
        user=user(),
        workspace=os.environ.get("LABSTUDIO_WORKSPACE"),
        compute=os.environ.get("LABSTUDIO_COMPUTE", "local"),
        started_at=run.started_at,
        git=around.git,
        python=PythonPrint(**python()),
        platform=platform.platform(),
        hardware=around.hardware,
        seeds=surroundings.seeds(sources),
        code_sha256=hashlib.sha256("\n".join(sources).encode(errors="replace")).hexdigest(),
        lock_sha256=hashlib.sha256(around.lock.encode()).hexdigest(),
        data=data,
    )
    if first:
        _artifact(run, LOCK, around.lock.encode())
        if around.diff:
            _artifact(run, DIFF, around.diff)
        run.spool.write({"o": "tags", "r": run.run_id, "v": tags(session, run, around)})
    if history:
        _artifact(run, HISTORY, history.notebook(upto, run.cell))
    _artifact(run, CAPSULE, capsule.model_dump_json(indent=1, by_alias=True).encode())
    new = [each for each in data if each.sha256 not in run.inputs]
    if new:
        run.inputs |= {each.sha256 for each in new}
        entries = [dataset(each.model_dump(by_alias=True)) for each in new]
        run.spool.write({"o": "inputs", "r": run.run_id, "v": entries})


def tags(session: Session, run: MadeRun, around: Around) -> dict[str, str]:
    """Return the tags that say where a run's capsule is, and what is in it."""
    from labstudio.capture.context import own_tags

    git = around.git
    found = {
        CAPSULE_TAG: "1",
        CELL_TAG: str(run.cell) if session.history else None,
        ORDINAL_TAG: str(run.ordinal),
        NOTEBOOK_TAG: session.notebook if session.history else None,
        WORKSPACE_TAG: os.environ.get("LABSTUDIO_WORKSPACE"),
        "mlflow.source.git.commit": git.commit if git else None,
        "mlflow.source.git.branch": git.branch if git else None,
        "mlflow.source.git.repoURL": git.remote if git else None,
        "labstudio.git_dirty": str(git.dirty).lower() if git else None,
    }
    if not run.tagged:
        found |= own_tags(session, run.capture_id)
    return {name: value for name, value in found.items() if value is not None}


def _artifact(run: MadeRun, path: str, content: bytes) -> None:
    kept = run.spool.keep(content, path)
    run.spool.write({"o": "artifact", "r": run.run_id, "path": path, "file": kept})


def user() -> str:
    """Return who runs this."""
    try:
        return os.environ.get("JUPYTERHUB_USER") or getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def script_path() -> str | None:
    """Return the script that this process runs."""
    import sys

    path = getattr(sys.modules.get("__main__"), "__file__", None)
    return str(Path(path).absolute()) if path else None


def _script() -> list[str]:
    path = script_path()
    try:
        return [Path(path).read_text(errors="replace")] if path else []
    except OSError:
        return []
