"""Writing the report of a reproduction, once its job is over; the daemon calls it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.capture import artifacts
from labstudio.capture.inside.prints import file_sha256
from labstudio.capture.models import HISTORY, LOCK, ORDINAL_TAG
from labstudio.capture.surroundings import read_lock
from labstudio.errors import NotFound
from labstudio.experiments.wire import read_run
from labstudio.jobs.models import JobState
from labstudio.reproduce import compare
from labstudio.reproduce.models import (
    REPORT,
    REPRODUCES_TAG,
    VERDICT_TAG,
    Reason,
    Reproduction,
    Verdict,
)

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.capture.models import Capsule, DataPrint
    from labstudio.experiments.tracking import Tracking
    from labstudio.experiments.wire import Run
    from labstudio.jobs.models import Job

CHILDREN = 200
NESTED = 1000
NAME = "mlflow.runName"


def record(studio: Studio, job: Job) -> None:
    """Keep the report with the new run, if a job was to reproduce one; again changes nothing."""
    before = job.tags.get(REPRODUCES_TAG)
    if before is None or job.run_id is None:
        return
    try:
        report = report_of(studio, job, before, job.run_id)
    except NotFound as error:
        report = Reproduction(
            run_id=before,
            new_run_id=job.run_id,
            job_id=job.id,
            verdict=Verdict.failed,
            message=f"There is nothing to compare with: {error.message}",
            created_at=datetime.now(UTC),
        )
    content = report.model_dump_json(indent=1).encode()
    artifacts.write(studio.tracking, job.run_id, REPORT, content)
    studio.tracking.set_tags(job.run_id, {VERDICT_TAG: report.verdict.value})


def report_of(studio: Studio, job: Job, before: str, after: str) -> Reproduction:
    """Compare a run with the run of the job that made it again."""
    tracking = studio.tracking
    old, new = tracking.get_run(before), tracking.get_run(after)
    then, now = artifacts.read_capsule(tracking, before), artifacts.read_capsule(tracking, after)
    if then is None or now is None:
        raise NotFound(f"Run {before if then is None else after} has no capsule.")
    report = Reproduction(
        run_id=before,
        new_run_id=after,
        job_id=job.id,
        verdict=Verdict.agrees,
        message="",
        compute=job.compute,
        created_at=datetime.now(UTC),
        data=compare.data(then.data, now.data, lambda each: look(each, job.compute)),
        cells=compare.cells(*(_cells(tracking, run_id) for run_id in (before, after))),
        metrics=compare.metrics(_values(old), _values(_counterpart(tracking, old, new))),
    )
    report.reasons = _reasons(tracking, (before, then), (after, now), report)
    if job.state is not JobState.succeeded:
        why = job.error or f"It is {job.state}."
        report.reasons.insert(0, Reason(kind="failure", message=f"The job failed: {why}"))
        report.verdict = Verdict.failed
    elif not _agrees(report):
        report.verdict = Verdict.differs
    report.message = sentence(report)
    return report


def look(data: DataPrint, compute: str) -> str | None:
    """Return the hash of a file as it is now; what cannot be looked at counts as it was."""
    if data.path is None or not Path(data.path).is_absolute() or compute != "local":
        return data.sha256
    try:
        return file_sha256(Path(data.path))
    except OSError:
        return None


def sentence(report: Reproduction) -> str:
    """Say in one sentence how it came out."""
    metrics, cells = report.metrics, report.cells
    if report.verdict is Verdict.failed:
        return report.reasons[0].message
    if report.verdict is Verdict.agrees:
        return f"It agrees: {len(metrics)} metrics and {len(cells)} cells."
    parts = [
        f"{sum(not each.agrees for each in found)} of {len(found)} {name}"
        for name, found in (("metrics", metrics), ("cells", cells), ("data sets", report.data))
        if any(not each.agrees for each in found)
    ]
    return f"It differs: {', '.join(parts)}."


def _agrees(report: Reproduction) -> bool:
    return _same_results(report) and all(each.agrees for each in report.data)


def _same_results(report: Reproduction) -> bool:
    metrics = all(each.agrees for each in report.metrics)
    return metrics and all(each.agrees for each in report.cells)


def _reasons(
    tracking: Tracking, old: tuple[str, Capsule], new: tuple[str, Capsule], report: Reproduction
) -> list[Reason]:
    locks = [
        read_lock((artifacts.read(tracking, run_id, LOCK) or b"").decode())
        for run_id in (old[0], new[0])
    ]
    found = compare.of_data(report.data)
    found += compare.reasons(old[1], new[1], (locks[0], locks[1]))
    if not found and not _same_results(report):
        found.append(compare.chance(old[1]))
    return found


def _values(run: Run) -> dict[str, float]:
    return {key: metric.value for key, metric in run.metrics.items()}


def _cells(tracking: Tracking, run_id: str) -> list[Any]:
    content = artifacts.read(tracking, run_id, HISTORY)
    return [] if content is None else list(compare.code_cells(json.loads(content)))


def _counterpart(tracking: Tracking, old: Run, new: Run) -> Run:
    """Return which of the runs that the job made is the one to compare with.

    A notebook may make several. They are told apart by the metrics that they have, then by name,
    then by their order.
    """
    made = [new, *_below(tracking, new)]
    wanted = {key for key in old.metrics if not key.startswith(compare.SYSTEM)}
    ordinal, name = old.tags.get(ORDINAL_TAG), old.tags.get(NAME)

    def likeness(at: int) -> tuple[int, bool, bool, bool, int]:
        run = made[at]
        shared = len(wanted & run.metrics.keys())
        same = run.tags.get(ORDINAL_TAG) == ordinal
        return shared, run.tags.get(NAME) == name, str(at) == ordinal, same, at

    return made[max(range(len(made)), key=likeness)]


def _below(tracking: Tracking, run: Run) -> list[Run]:
    """Return the runs that are nested in a run, however deep, in the order of their start."""
    found: list[Run] = []
    waiting = [run]
    while waiting and len(found) < NESTED:
        children = _children(tracking, waiting.pop(0))
        found += children
        waiting += children
    return sorted(found, key=lambda each: each.start_time)


def _children(tracking: Tracking, run: Run) -> list[Run]:
    found = tracking.call(
        "POST",
        "/api/2.0/mlflow/runs/search",
        experiment_ids=[run.experiment_id],
        filter=f"tags.`mlflow.parentRunId` = '{run.id}'",
        order_by=["attributes.start_time ASC"],
        max_results=CHILDREN,
    )
    return [read_run(each) for each in found.get("runs", [])]
