"""Keeps a job and its MLflow run in step; the daemon calls it.

Every method may be called again with the same arguments, since the daemon may be killed after
MLflow has done its part and before the studio's database says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from labstudio.errors import Conflict, InvalidInput
from labstudio.experiments.tracking import SYSTEM_PREFIX, Tracking
from labstudio.experiments.wire import TAG_LIMIT, Metric
from labstudio.jobs.models import JobKind, JobState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from labstudio.jobs.left import ResourceSample
    from labstudio.jobs.models import Job, JobDetail, JobError

JOB_TAG = "labstudio.job_id"
ERROR_TAG = "labstudio.error"
TRACEBACK_TAG = "labstudio.traceback"

# Where a job's own files stand among the run's artifacts, apart from what its code logs itself.
JOB_FOLDER = "job"
OUTPUT_FOLDER = "outputs"

CPU_METRIC = f"{SYSTEM_PREFIX}cpu_utilization_percentage"
SAMPLE_EVERY_S = 10
UPLOAD_LIMIT_BYTES = 200 * 1024**2

ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")

Status = Literal["FINISHED", "FAILED", "KILLED"]
STATUS: dict[JobState, Status] = {
    JobState.succeeded: "FINISHED",
    JobState.failed: "FAILED",
    JobState.stopped: "KILLED",
    JobState.interrupted: "KILLED",
}


@dataclass(frozen=True)
class Upload:
    """A file of an attempt to be kept among the run's artifacts."""

    path: str
    file: Path
    folder: Literal["job", "outputs"] = "job"


class Recorder:
    """Writes jobs into MLflow.

    Parameters
    ----------
    tracking
        The client.
    experiment
        The experiment of jobs that name none.
    upload_limit_bytes
        The most that the files of one job uploaded as artifacts may hold together; what does not
        fit stays in the job's folder only, and a tag says so.
    """

    def __init__(
        self,
        tracking: Tracking,
        experiment: str = "labstudio",
        upload_limit_bytes: int = UPLOAD_LIMIT_BYTES,
    ) -> None:
        self._tracking = tracking
        self._experiment = experiment
        self._limit = upload_limit_bytes
        self._doubtful: set[str] = set()
        self._starts: dict[str, datetime] = {}
        self._sampled: dict[str, int] = {}

    def begin(self, job: JobDetail, *, known: bool = True) -> tuple[str, str]:
        """Make the job's run, or set it running again for another attempt.

        Parameters
        ----------
        job
            The job; with `run_id` when its run is known already.
        known
            False when a run may have been made for it that the job does not know of, as after a
            crash: then it is searched for, which takes longer.

        Returns
        -------
        tuple
            Ids of the run and of its experiment.
        """
        run_id = job.run_id
        experiment_id = self._tracking.ensure_experiment(job.spec.experiment or self._experiment)
        if run_id is None and (not known or job.id in self._doubtful):
            run_id = self._tracking.find_run(experiment_id, JOB_TAG, job.id)
        if run_id is None:
            # Until there is an answer, it is not known whether the run was made.
            self._doubtful.add(job.id)
            run_id = self._tracking.create_run(
                experiment_id,
                job.name,
                tags=describe(job),
                start_time=job.created_at,
                user=job.user,
            )
        else:
            run = self._tracking.get_run(run_id)
            experiment_id = run.experiment_id
            if run.status != "RUNNING":
                self._tracking.set_status(run_id, "RUNNING")
        if job.parameters:
            self._tracking.log_params(run_id, job.parameters)
        self._doubtful.discard(job.id)
        return run_id, experiment_id

    def sample(self, run_id: str, samples: Iterable[ResourceSample]) -> None:
        """Log what the job's processes used, one point for each ten seconds.

        The names are those of MLflow's system metrics, so that its page of them shows them; but the
        values are the job's own, not the machine's. 100 percent is one core.
        """
        start = self._start(run_id)
        points: dict[int, ResourceSample] = {}
        for sample in samples:
            slot = int(max(0.0, sample.t - start.timestamp())) // SAMPLE_EVERY_S
            if slot > self._sampled.get(run_id, -1):
                points.setdefault(slot, sample)
        if not points:
            return
        self._tracking.log_batch(
            run_id,
            [
                Metric(key, value, datetime.fromtimestamp(sample.t, UTC), slot * SAMPLE_EVERY_S)
                for slot, sample in points.items()
                for key, value in system_metrics(sample)
            ],
        )
        self._sampled[run_id] = max(points)

    def finish(
        self,
        run_id: str,
        job: Job,
        *,
        files: Sequence[Upload] = (),
        error: JobError | None = None,
    ) -> None:
        """End the job's run: status, tags that say how it ended, and its files as artifacts.

        Raises
        ------
        NotFound
            When somebody deleted the run for good; there is nothing left to do then.
        """
        tags = outcome(job, error)
        stale = {ERROR_TAG, TRACEBACK_TAG} & self._tracking.get_run(
            run_id
        ).tags.keys() - tags.keys()
        for tag in sorted(stale):
            self._tracking.delete_tag(run_id, tag)
        self._tracking.set_tags(run_id, tags)
        self._tracking.end_run(run_id, STATUS.get(job.state, "KILLED"), job.ended_at)
        left_out = self._upload(run_id, files)
        if left_out:
            self._tracking.set_tags(run_id, {"labstudio.not_uploaded": ", ".join(left_out)})
        self._starts.pop(run_id, None)
        self._sampled.pop(run_id, None)

    def forget(self, run_id: str) -> None:
        """Delete a job's run, as MLflow does, with the files that `finish` uploaded.

        What the job's code itself logged stays until MLflow's own clean-up: registered models may
        refer to it.
        """
        for folder in (JOB_FOLDER, OUTPUT_FOLDER):
            self._tracking.delete_artifacts(run_id, folder)
        self._tracking.delete_run(run_id)

    def _start(self, run_id: str) -> datetime:
        """Return when a run began; look up on the way how far its samples are."""
        if run_id not in self._starts:
            run = self._tracking.get_run(run_id)
            self._starts[run_id] = run.start_time
            # A daemon before this one may have logged some of them.
            if last := run.metrics.get(CPU_METRIC):
                self._sampled[run_id] = last.step // SAMPLE_EVERY_S
        return self._starts[run_id]

    def _upload(self, run_id: str, files: Sequence[Upload]) -> list[str]:
        """Upload what fits, in the order given; return the paths of what does not."""
        room = self._limit
        left_out = []
        for upload in files:
            if not upload.file.is_file():
                continue
            size = upload.file.stat().st_size
            if size > room:
                left_out.append(upload.path)
                continue
            try:
                path = f"{upload.folder}/{upload.path}"
                self._tracking.upload_artifact(run_id, path, upload.file)
            except (Conflict, InvalidInput, OSError):
                # A name that MLflow does not take, a file that cannot be read, or artifacts that
                # are kept where only MLflow's own client reaches.
                left_out.append(upload.path)
            else:
                room -= size
        return left_out


def describe(job: JobDetail) -> dict[str, str]:
    """Return the tags of a new run: who, what, and from which code."""
    found = job.provenance
    notebook = job.kind is JobKind.notebook
    tags = {
        JOB_TAG: job.id,
        "labstudio.user": job.user,
        "labstudio.kind": job.kind.value,
        "labstudio.compute": job.compute,
        "labstudio.schedule_id": job.schedule_id,
        "labstudio.sweep_id": job.sweep_id,
        "labstudio.rerun_of": job.rerun_of,
        "mlflow.source.name": job.path or job.name,
        "mlflow.source.type": "NOTEBOOK" if notebook else "JOB",
        "mlflow.source.git.commit": found.git_commit if found else None,
        "mlflow.source.git.branch": found.git_branch if found else None,
        "mlflow.source.git.repoURL": found.git_remote if found else None,
        "labstudio.git_dirty": str(found.git_dirty).lower() if found and found.git_commit else None,
    }
    return {**job.tags, **{name: value for name, value in tags.items() if value is not None}}


def outcome(job: Job, error: JobError | None) -> dict[str, str]:
    """Return the tags that say how a job ended; those of an error only where there is one."""
    text = f"{error.type}: {error.message}".rstrip(": ") if error else job.error or ""
    traceback = error.traceback or "" if error else ""
    tags = {
        "labstudio.state": job.state.value,
        "labstudio.attempts": str(job.attempt),
        ERROR_TAG: ANSI.sub("", text),
        TRACEBACK_TAG: ANSI.sub("", traceback)[-TAG_LIMIT:],
    }
    return {name: value for name, value in tags.items() if value}


def system_metrics(sample: ResourceSample) -> list[tuple[str, float]]:
    """Return the metrics of one sample, under names like MLflow's."""
    metrics = [
        (CPU_METRIC, sample.cpu_percent),
        (f"{SYSTEM_PREFIX}memory_usage_megabytes", sample.memory_bytes / 1e6),
    ]
    if sample.gpu_percent is not None:
        metrics.append((f"{SYSTEM_PREFIX}gpu_0_utilization_percentage", sample.gpu_percent))
    if sample.gpu_memory_bytes is not None:
        name = f"{SYSTEM_PREFIX}gpu_0_memory_usage_megabytes"
        metrics.append((name, sample.gpu_memory_bytes / 1e6))
    return metrics
