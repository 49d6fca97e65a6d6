"""Any number of runs side by side."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from labstudio.capture.models import LOCK
from labstudio.experiments import sources
from labstudio.experiments.code_diff import differ, unified
from labstudio.experiments.details import capsule_of
from labstudio.experiments.run_models import (
    CodeDiff,
    ComparedMetric,
    ComparedRun,
    ComparedValue,
    Comparison,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from labstudio._studio import Studio
    from labstudio.capture.models import Capsule
    from labstudio.experiments.artifacts.access import RunArtifacts
    from labstudio.experiments.facts.source import RunFacts
    from labstudio.experiments.models import Run
    from labstudio.experiments.run_models import DatasetUse
    from labstudio.jobs.models import JobDetail

Value = str | float | None
Table = dict[str, dict[str, Value]]
"""Values of each run, by key: ``{run: {key: value}}``."""

REQUIREMENT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*==\s*([^\s;#]+)")


def compare(
    studio: Studio,
    runs: Sequence[Run],
    facts: RunFacts,
    artifacts: Callable[[Run], RunArtifacts],
) -> Comparison:
    """Return runs side by side.

    Parameters
    ----------
    studio
        Knows the jobs that made them.
    runs
        Which; code is compared with the first one's.
    facts
        Where their records are.
    artifacts
        Opens what a run left.
    """
    ids = [run.id for run in runs]
    trees = {run.id: artifacts(run) for run in runs}
    capsules = {run_id: capsule_of(tree) for run_id, tree in trees.items()}
    jobs = {run.id: sources.job_of(studio, run) for run in runs}
    packages = {
        run_id: environment(capsules[run_id], trees[run_id], jobs[run_id]) for run_id in ids
    }
    read = facts.datasets(ids)
    data = {run_id: data_of(capsules[run_id], read.get(run_id, [])) for run_id in ids}
    hardware = {run_id: hardware_of(capsules[run_id], jobs[run_id]) for run_id in ids}
    told = {
        run_id: sources.source_of(studio, jobs[run_id], trees[run_id], capsules[run_id])
        for run_id in ids
    }
    return Comparison(
        runs=[
            ComparedRun(
                id=run.id,
                name=run.name,
                status=run.status,
                experiment=run.experiment,
                started_at=run.started_at,
                missing=missing(told[run.id], packages[run.id], data[run.id], hardware[run.id]),
            )
            for run in runs
        ],
        params=table({run.id: dict(run.params) for run in runs}),
        metrics=metrics(ids, facts),
        tags=table({run.id: dict(run.tags) for run in runs}),
        environment=table(packages),
        data=table(data),
        hardware=table(hardware),
        code=codes(ids, told),
    )


def table(values: Mapping[str, Mapping[str, Value]]) -> list[ComparedValue]:
    """Return facts by key, each with the runs that have it."""
    keys = dict.fromkeys(key for given in values.values() for key in given)
    rows = []
    for key in sorted(keys):
        mine = {run: given[key] for run, given in values.items() if key in given}
        differs = len(mine) < len(values) or len(set(mine.values())) > 1
        rows.append(ComparedValue(key=key, values=mine, differs=differs))
    return rows


def metrics(ids: Sequence[str], facts: RunFacts) -> list[ComparedMetric]:
    """Return what is known of each metric."""
    found = {run: {each.key: each for each in given} for run, given in facts.summaries(ids).items()}
    keys = sorted({key for given in found.values() for key in given})
    rows = []
    for key in keys:
        mine = {run: found[run][key] for run in ids if key in found.get(run, {})}
        differs = len(mine) < len(ids) or len({each.last for each in mine.values()}) > 1
        rows.append(ComparedMetric(key=key, values=mine, differs=differs))
    return rows


def environment(
    capsule: Capsule | None, tree: RunArtifacts, job: JobDetail | None
) -> dict[str, Value]:
    """Return Python, the platform and the packages, from the capsule's lock or the job."""
    lock = tree.text(LOCK) if capsule else None
    found: dict[str, Value] = {}
    if capsule is not None:
        found = {"python": capsule.python.version, "platform": capsule.platform}
    elif job is not None and job.provenance is not None:
        told = job.provenance
        found = {"python": told.python_version, "platform": told.platform, **told.packages}
    return found | dict(REQUIREMENT.findall(lock or ""))


def data_of(capsule: Capsule | None, datasets: Sequence[DatasetUse]) -> dict[str, Value]:
    """Return the fingerprint of each piece of data, by its name."""
    found: dict[str, Value] = {each.name: each.sha256 or each.digest for each in datasets}
    if capsule is not None:
        found |= {each.name: each.sha256 for each in capsule.data}
    return found


def hardware_of(capsule: Capsule | None, job: JobDetail | None) -> dict[str, Value]:
    """Return what the machine was."""
    if capsule is None:
        return {"compute": job.compute} if job else {}
    machine = capsule.hardware
    gpus = ", ".join(gpu.name for gpu in machine.gpus)
    found: dict[str, Any] = {
        "compute": capsule.compute,
        "cpu": machine.cpu or None,
        "cores": machine.cores,
        "memory_bytes": machine.memory_bytes,
        "gpus": gpus or None,
    }
    return {key: value for key, value in found.items() if value is not None}


def codes(ids: Sequence[str], told: Mapping[str, sources.Found]) -> list[CodeDiff]:
    """Return each run's code beside the first one's."""
    first = told[ids[0]]
    return [code(run, first, told[run]) for run in ids[1:]]


def code(run: str, first: sources.Found, other: sources.Found) -> CodeDiff:
    """Return a run's code beside another one's."""
    if first.source is None or other.source is None:
        which = "the first run" if first.source is None else "this run"
        unknown = f"The code of {which} was not recorded."
        return CodeDiff(run_id=run, same=False, parts=[], diff="", message=unknown)
    parts = differ(first.source, other.source)
    mixed = f"One is the code of {first.kind}, the other of {other.kind}."
    message = None if first.kind == other.kind else mixed
    return CodeDiff(run_id=run, same=not parts, parts=parts, diff=unified(parts), message=message)


def missing(
    told: sources.Found,
    packages: Mapping[str, Value],
    data: Mapping[str, Value],
    hardware: Mapping[str, Value],
) -> list[str]:
    """Say what was not recorded of a run."""
    known = {
        "Its code was": told.source,
        "Its packages were": packages,
        "What data it read was": data,
        "Its machine was": hardware,
    }
    return [f"{what} not recorded." for what, given in known.items() if not given]
