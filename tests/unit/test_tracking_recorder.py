"""The recorder, against a real tracking server: a job's life as a run of MLflow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from labstudio.errors import Unavailable
from labstudio.experiments.recorder import Recorder, Upload
from labstudio.experiments.tracking import API, Tracking
from labstudio.home import Home
from labstudio.ids import new_id
from labstudio.jobs.left import ResourceSample
from labstudio.jobs.models import CreateJob, JobDetail, JobError, JobKind, JobState, Provenance

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)


def make_job(**changes: object) -> JobDetail:
    return JobDetail.model_validate(
        {
            "id": "01J00000000000000000000000",
            "name": "train 🚂.ipynb",
            "kind": JobKind.notebook,
            "state": JobState.running,
            "compute": "local",
            "user": "ada",
            "path": "work/train 🚂.ipynb",
            "parameters": {"depth": 3, "names": ["a", "b"]},
            "created_at": NOW,
            "attempt": 1,
            "tags": {"team": "blue"},
            "spec": CreateJob(path="work/train 🚂.ipynb"),
            "provenance": Provenance(git_commit="abc123", git_branch="main", git_dirty=True),
            **changes,
        }
    )


@pytest.mark.slow
class TestRecorder:
    def test_a_jobs_life(self, served: Home, tracking: Tracking, tmp_path: Path) -> None:
        recorder = Recorder(tracking, experiment="jobs", upload_limit_bytes=1000)
        job = make_job()
        run_id, experiment_id = recorder.begin(job)
        assert experiment_id == tracking.ensure_experiment("jobs")
        # The daemon died before it could say so: the next one finds the run.
        assert Recorder(tracking, experiment="jobs").begin(job, known=False) == (
            run_id,
            experiment_id,
        )
        known = job.model_copy(update={"run_id": run_id})
        assert recorder.begin(known) == (run_id, experiment_id)
        run = tracking.get_run(run_id)
        assert run.start_time == NOW
        assert run.params == {"depth": "3", "names": '["a", "b"]'}
        expected = {
            "labstudio.job_id": job.id,
            "labstudio.git_dirty": "true",
            "mlflow.user": "ada",
            "mlflow.source.name": "work/train 🚂.ipynb",
            "mlflow.source.type": "NOTEBOOK",
            "mlflow.source.git.commit": "abc123",
            "mlflow.runName": "train 🚂.ipynb",
            "team": "blue",
        }
        assert run.tags.items() >= expected.items()

        samples = [
            ResourceSample(t=NOW.timestamp() + n, cpu_percent=n, memory_bytes=2_000_000)
            for n in range(35)
        ]
        recorder.sample(run_id, samples[:12])
        recorder.sample(run_id, samples[5:])
        recorder.sample(run_id, samples)
        series = tracking.metric_histories(run_id, system=True)
        cpu = series["system/cpu_utilization_percentage"]
        assert [(point.step, point.value) for point in cpu] == [
            (0, 0),
            (10, 10),
            (20, 20),
            (30, 30),
        ]
        assert {point.value for point in series["system/memory_usage_megabytes"]} == {2.0}

        files = {"log.txt": b"log", "big.bin": b"x" * 1001, "model.bin": b"y" * 900}
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        uploads = [
            Upload("log.txt", tmp_path / "log.txt"),
            Upload("big.bin", tmp_path / "big.bin", "outputs"),
            Upload("model.bin", tmp_path / "model.bin", "outputs"),
            Upload("gone", tmp_path / "gone"),
            Upload("../x", tmp_path / "log.txt", "outputs"),
        ]
        failed = job.model_copy(
            update={"state": JobState.failed, "ended_at": NOW + timedelta(hours=1)}
        )
        error = JobError(type="ValueError", message="\x1b[31mbad\x1b[0m", traceback="\x1b[0mTB")
        for _ in range(2):
            recorder.finish(run_id, failed, files=uploads, error=error)
        run = tracking.get_run(run_id)
        assert run.status == "FAILED"
        assert run.tags["labstudio.error"] == "ValueError: bad"
        assert run.tags["labstudio.traceback"] == "TB"
        assert run.tags["labstudio.not_uploaded"] == "big.bin, ../x"
        kept = next(served.artifacts.glob(f"*/{run_id}/artifacts"))
        assert (kept / "job/log.txt").read_bytes() == b"log"
        assert (kept / "outputs/model.bin").is_file()
        assert not (kept / "outputs/big.bin").exists()

        # Another attempt sets it running again, and it succeeds.
        recorder.begin(known)
        assert tracking.get_run(run_id).status == "RUNNING"
        done = failed.model_copy(update={"state": JobState.succeeded, "attempt": 2})
        recorder.finish(run_id, done)
        run = tracking.get_run(run_id)
        assert run.status == "FINISHED"
        assert not {"labstudio.error", "labstudio.traceback"} & run.tags.keys()

        recorder.forget(run_id)
        assert not [path for path in kept.rglob("*") if path.is_file()]

    def test_a_run_whose_making_was_not_answered_is_found(self, served: Home) -> None:
        """The tracking server was killed when it had made the run and before it said so."""

        class Interrupted(Tracking):
            failures = 1

            def create_run(self, *args: Any, **options: Any) -> str:
                made = super().create_run(*args, **options)
                if self.failures:
                    self.failures -= 1
                    raise Unavailable("The tracking server does not answer (ReadError).")
                return made

        tracking = Interrupted(served)
        recorder = Recorder(tracking, experiment="doubtful")
        job = make_job(id=new_id())
        with pytest.raises(Unavailable):
            recorder.begin(job)
        run_id, experiment_id = recorder.begin(job)
        found = tracking.call("POST", f"{API}/runs/search", experiment_ids=[experiment_id])
        assert [run["info"]["run_id"] for run in found["runs"]] == [run_id]
        tracking.close()

    def test_stopped_is_killed(self, tracking: Tracking) -> None:
        recorder = Recorder(tracking)
        run_id, _ = recorder.begin(make_job(provenance=None, parameters={}, kind=JobKind.script))
        recorder.finish(run_id, make_job(state=JobState.stopped))
        run = tracking.get_run(run_id)
        assert (run.status, run.tags["mlflow.source.type"]) == ("KILLED", "JOB")
