"""From a capsule to a job: the code as it was, the packages as they were, the seeds."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.capture import artifacts
from labstudio.capture.models import HISTORY, LOCK
from labstudio.capture.surroundings import read_lock
from labstudio.compute.models import LOCAL
from labstudio.errors import Conflict, NotFound
from labstudio.jobs import provenance, snapshot, taking
from labstudio.jobs.inspect import beside_code
from labstudio.jobs.models import NAME_LIMIT, CreateJob, JobKind
from labstudio.jobs.taking import Taken
from labstudio.reproduce.compare import code_cells, text_of
from labstudio.reproduce.models import REPRODUCES_TAG, Packages, Reproduce

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.capture.models import Capsule
    from labstudio.experiments.wire import Run
    from labstudio.jobs.models import JobDetail

ENTRY = "history.ipynb"
HASH_SEED = "PYTHONHASHSEED"


@dataclass(frozen=True)
class Plan:
    """What is to run."""

    taken: Taken
    assigns: tuple[str, ...] = ()


def plan(studio: Studio, run: Run, capsule: Capsule, request: Reproduce) -> Plan:
    """Make the job that makes a run again.

    Raises
    ------
    Conflict
        When what it ran is not kept.
    """
    made = (
        _of_job(studio, capsule) or _of_history(studio, run, capsule) or _of_script(studio, capsule)
    )
    if made is None:
        raise Conflict(
            f"Run {run.id} cannot be reproduced: its job was deleted, and with it the code.",
            run_id=run.id,
        )
    lock = read_lock((artifacts.read(studio.tracking, run.id, LOCK) or b"").decode())
    spec = made.taken.spec
    compute = request.compute or capsule.compute
    if request.packages is Packages.then:
        spec = _with_packages(spec, lock, compute)
    env = dict(spec.env)
    if HASH_SEED in capsule.seeds:
        env[HASH_SEED] = str(capsule.seeds[HASH_SEED])
    name = run.tags.get("mlflow.runName") or run.id
    spec = spec.model_copy(
        update={
            "name": f"Reproduce {name}"[:NAME_LIMIT],
            "compute": compute,
            "env": env,
            "experiment": _experiment(studio, run),
            "tags": {**spec.tags, REPRODUCES_TAG: run.id},
            "idempotency_key": None,
            "retries": 0,
        }
    )
    taken = made.taken
    return Plan(Taken(spec, taken.points, taken.snapshot, taken.provenance), made.assigns)


def _of_job(studio: Studio, capsule: Capsule) -> Plan | None:
    """Return an earlier job's own snapshot; None when there is no such job any more."""
    if capsule.kind != "job" or capsule.job_id is None:
        return None
    try:
        job: JobDetail = studio.jobs.store.detail(capsule.job_id)
    except NotFound:
        return None
    assert job.snapshot is not None
    assigns = tuple(studio.jobs.store.assigns(job.id))
    record = job.provenance or provenance.take(Path.cwd())
    spec = job.spec.model_copy(update={"parameters": {}, "files": None, "inputs": {}})
    return Plan(Taken(spec, [job.parameters], job.snapshot, record), assigns)


def _of_history(studio: Studio, run: Run, capsule: Capsule) -> Plan | None:
    """Return the cells that were run, as a notebook, with the files beside it that they use."""
    content = artifacts.read(studio.tracking, run.id, HISTORY)
    if content is None:
        return None
    path = Path(capsule.notebook) if capsule.notebook else None
    folder = path.parent if path and path.is_absolute() and path.parent.is_dir() else None
    sources = [text_of(cell.get("source")) for cell in code_cells(json.loads(content))]
    files = [] if folder is None else files_of(sources, folder, capsule)
    home = studio.home.create()
    limit = studio.config.snapshot_limit_bytes
    kept = snapshot.take(home, ENTRY, files, {ENTRY: content}, limit_bytes=limit)
    spec = CreateJob(path=str(path or ENTRY), kind=JobKind.notebook, kernel_name="python3")
    return Plan(Taken(spec, [{}], kept, provenance.take(folder or Path.cwd())))


def files_of(sources: list[str], folder: Path, capsule: Capsule) -> list[tuple[str, Path]]:
    """Return the files beside a notebook that its cells use, and those there that they read."""
    found: dict[str, Path] = {}
    for source in sources:
        with contextlib.suppress(SyntaxError):
            found |= {name: folder / name for name in beside_code(source, folder)}
    for each in capsule.data:
        path = Path(each.path) if each.path else None
        if path and path.is_relative_to(folder) and path.is_file():
            found[path.relative_to(folder).as_posix()] = path
    found.pop(ENTRY, None)
    return sorted(found.items())


def _of_script(studio: Studio, capsule: Capsule) -> Plan | None:
    if capsule.kind != "script" or capsule.notebook is None or not Path(capsule.notebook).is_file():
        return None
    spec = CreateJob(path=capsule.notebook)
    limit = studio.config.snapshot_limit_bytes
    place = taking.Place()
    return Plan(taking.take([{}], spec, place, studio.home.create(), limit))


def _with_packages(spec: CreateJob, lock: dict[str, str], compute: str) -> CreateJob:
    """Have the packages of then: those at hand where they are the same, else an environment."""
    asked = spec.environment
    if not lock or asked.image:
        return spec
    if not asked.requirements and (compute != LOCAL or lock == provenance.installed()):
        return spec
    options = [line for line in asked.requirements if line.startswith("-")]
    lines = [*options, *(pinned(name, version) for name, version in sorted(lock.items()))]
    return spec.model_copy(update={"environment": asked.model_copy(update={"requirements": lines})})


def pinned(name: str, version: str) -> str:
    """Return the requirement of one package; where it lies on this disk, from there."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError, KeyError):
        found = importlib.metadata.distribution(name)
        told: dict[str, Any] = json.loads(found.read_text("direct_url.json") or "{}")
        if found.version == version and (url := told.get("url")):
            return f"{name} @ {url}"
    return f"{name}=={version}"


def _experiment(studio: Studio, run: Run) -> str:
    found = studio.tracking.call(
        "GET", "/api/2.0/mlflow/experiments/get", experiment_id=run.experiment_id
    )
    return str(found["experiment"]["name"])
