"""The verbs of the gateway's own API: those of the server's REST API that code elsewhere needs.

Paths and shapes are the same as there. What differs: jobs come with their code's content, because
their files do not lie here (`blobs` takes it), and a result is fetched as the pickle that it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labstudio.errors import Forbidden
from labstudio.gateway import names
from labstudio.gateway.models import Contents, KeepCheckpoint, SubmitJob, SubmitSweep
from labstudio.inputs import validated
from labstudio.jobs.checkpoints import keep
from labstudio.jobs.left import AttemptQuery, LogQuery
from labstudio.jobs.models import JobPage, ListJobs, RerunJob
from labstudio.jobs.snapshot import blob_path
from labstudio.jobs.taking import Taken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import BaseModel

    from labstudio._studio import Studio
    from labstudio.gateway.access import Caller


@dataclass(frozen=True)
class Asked:
    """One request, its body read.

    Parameters
    ----------
    studio
        The studio.
    caller
        Who asks.
    path
        The parts of the path that have names.
    query
        The query string.
    body
        The JSON that was sent; an empty object where nothing was.
    """

    studio: Studio
    caller: Caller
    path: dict[str, str]
    query: dict[str, Any]
    body: Any

    @property
    def job_id(self) -> str:
        """The job that the path names, which the caller may read."""
        return self.caller.may_see(self.studio.jobs.get(self.path["job_id"])).id


@dataclass(frozen=True)
class Verb:
    """One method of one path."""

    method: str
    path: str
    call: Callable[[Asked], BaseModel | Path | None]
    status: int = 200


def list_jobs(asked: Asked) -> BaseModel:
    """List the user's jobs, newest first."""
    asked.caller.must_be_kernel("list jobs")
    query = validated(ListJobs, asked.query)
    return asked.studio.jobs.list(query, users=[asked.caller.scope.user])


def create_job(asked: Asked) -> BaseModel:
    """Accept a job of the user."""
    asked.caller.must_be_kernel("submit jobs")
    wanted = validated(SubmitJob, asked.body)
    return _adopted(asked, wanted, [wanted.job.parameters], sweep=False).items[0]


def create_sweep(asked: Asked) -> BaseModel:
    """Accept one job for each set of parameters."""
    asked.caller.must_be_kernel("submit jobs")
    wanted = validated(SubmitSweep, asked.body)
    return _adopted(asked, wanted, wanted.points, sweep=True)


def _adopted(asked: Asked, wanted: SubmitJob, points: list[Any], *, sweep: bool) -> JobPage:
    taken = Taken(wanted.job, points, wanted.snapshot, wanted.provenance)
    user = asked.caller.scope.user
    jobs = asked.studio.jobs.adopt(taken, user=user, assigns=wanted.assigns, sweep=sweep)
    return JobPage(items=list(jobs))


def get_job(asked: Asked) -> BaseModel:
    """Tell all that is known of a job."""
    return asked.studio.jobs.detail(asked.job_id)


def stop_job(asked: Asked) -> BaseModel:
    """Stop a job."""
    asked.caller.must_be_kernel("stop jobs")
    return asked.studio.jobs.stop(asked.job_id)


def rerun_job(asked: Asked) -> BaseModel:
    """Submit a job's snapshot again, with changes."""
    asked.caller.must_be_kernel("submit jobs")
    changes = validated(RerunJob, asked.body)
    return asked.studio.jobs.rerun(asked.job_id, changes, user=asked.caller.scope.user)


def get_log(asked: Asked) -> BaseModel:
    """Give a piece of an attempt's log."""
    query = validated(LogQuery, asked.query)
    return asked.studio.jobs.log(asked.job_id, query.offset, query.limit, query.attempt)


def list_files(asked: Asked) -> BaseModel:
    """List the files that an attempt left."""
    query = validated(AttemptQuery, asked.query)
    return asked.studio.jobs.files(asked.job_id, query.attempt)


def get_file(asked: Asked) -> Path:
    """Give one file's bytes."""
    query = validated(AttemptQuery, asked.query)
    return asked.studio.jobs.file_path(asked.job_id, asked.path["path"], query.attempt)


def get_result(asked: Asked) -> Path | None:
    """Give what a cell or function gave back, pickled; nothing when that is nothing."""
    return asked.studio.jobs.result_path(asked.job_id)


def keep_checkpoint(asked: Asked) -> None:
    """Keep a checkpoint of the job that asks, for its next attempt."""
    wanted = validated(KeepCheckpoint, asked.body)
    job_id, job = asked.job_id, asked.caller.job
    if job is None:
        raise Forbidden("Only a job's own code keeps its checkpoints.")
    keep(asked.studio.home, job_id, job.attempt, wanted.name, wanted.files)


def list_computes(asked: Asked) -> BaseModel:
    """List every compute."""
    asked.caller.must_be_kernel("list computes")
    return asked.studio.computes.list()


def missing_blobs(asked: Asked) -> BaseModel:
    """Say which of some contents are not here yet."""
    asked.caller.may_upload(asked.studio)
    wanted = validated(Contents, asked.body)
    home = asked.studio.home
    return Contents(sha256=[each for each in wanted.sha256 if not blob_path(home, each).exists()])


VERBS = (
    Verb("GET", "jobs", list_jobs),
    Verb("POST", "jobs", create_job, 201),
    Verb("POST", "sweeps", create_sweep, 201),
    Verb("GET", "jobs/{job_id}", get_job),
    Verb("POST", "jobs/{job_id}/stop", stop_job),
    Verb("POST", "jobs/{job_id}/rerun", rerun_job, 201),
    Verb("GET", "jobs/{job_id}/log", get_log),
    Verb("GET", "jobs/{job_id}/files", list_files),
    Verb("GET", "jobs/{job_id}/files/{path:path}", get_file),
    Verb("GET", "jobs/{job_id}/result", get_result),
    Verb("POST", "jobs/{job_id}/checkpoints", keep_checkpoint),
    Verb("GET", "computes", list_computes),
    Verb("POST", "blobs/missing", missing_blobs),
    Verb("POST", "kernel/move/place", names.move_place),
    Verb("POST", "kernel/move", names.request_move, 202),
    Verb("GET", "kernel/move", names.get_move),
    Verb("POST", "kernel/move/withdraw", names.withdraw_move),
    Verb("POST", "kernel/move/cancel", names.cancel_move),
    Verb("GET", "kernel/checkpoint", names.list_checkpoints),
    Verb("POST", "kernel/checkpoint", names.keep_checkpoint, 201),
    Verb("POST", "kernel/checkpoint/place", names.checkpoint_place),
    Verb("POST", "kernel/checkpoint/{name}/bring", names.bring_checkpoint),
    Verb("POST", "kernel/checkpoint/{name}/delete", names.delete_checkpoint),
)
