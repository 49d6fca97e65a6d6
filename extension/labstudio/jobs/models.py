"""The nouns of jobs: what is submitted, what is recorded, what is read back.

REST, CLI, SDK, magics and the frontend all speak these types; the OpenAPI document and the
TypeScript types are generated from them. What jobs leave is in `labstudio.jobs.left`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, Field, JsonValue

from labstudio.compute.models import Need
from labstudio.inputs import Input

NAME_LIMIT = 200

Parameters = dict[str, JsonValue]


class JobKind(StrEnum):
    """What a job runs."""

    notebook = "notebook"
    script = "script"
    cell = "cell"
    function = "function"
    image = "image"


class JobState(StrEnum):
    """Where a job stands. The last four are final."""

    queued = "queued"
    starting = "starting"
    running = "running"
    succeeded = "succeeded"
    failed = "failed"
    stopped = "stopped"
    interrupted = "interrupted"

    @property
    def final(self) -> bool:
        """Whether a job in this state will never change again."""
        return self in FINAL_STATES


ACTIVE_STATES = frozenset({JobState.queued, JobState.starting, JobState.running})
FINAL_STATES = frozenset(JobState) - ACTIVE_STATES


class Environment(Input):
    """The packages that a job's code sees; empty means the interpreter at hand."""

    requirements: list[str] = Field(
        default_factory=list,
        description="Requirement lines (PEP 508), and options that say where packages come from: "
        "-e, -i, --extra-index-url, -f, --no-index, --pre, --no-binary, --only-binary.",
    )
    requirements_file: str | None = Field(
        None,
        description="Path of a requirements file, relative to the source's folder or absolute. "
        "It, and the files that it includes by -r, are read at submission.",
    )
    python: str | None = Field(
        None, description="Path of a Python interpreter to run with, or to build from."
    )
    image: str | None = Field(
        None,
        min_length=1,
        max_length=512,
        pattern=r"^[a-z0-9][\w./:@-]*$",
        description="A container image to run in, on a compute of containers.",
    )


class CheckpointPolicy(Input):
    """What is kept for another attempt to go on from."""

    preemptions: int = Field(
        20, ge=0, le=1000, description="How often a preempted job goes back to the queue."
    )
    cells: bool = Field(
        False,
        description="Keep a notebook's variables after each cell, so that the next attempt resumes "
        "at the failed cell.",
    )
    resume: str | None = Field(
        None, description="The job whose variables the first attempt goes on from; set by a rerun."
    )


class CreateJob(Input):
    """A job as it is asked for; the same whichever door it comes through."""

    kind: JobKind | None = Field(None, description="Told from the path's suffix when left out.")
    path: str | None = Field(
        None,
        max_length=4096,
        description="The notebook or script. Over REST it is relative to the server's root. "
        "Or `docker://IMAGE`: a training image, on a compute of containers.",
    )
    code: str | None = Field(None, description="The source of a cell; only for kind `cell`.")
    name: str | None = Field(None, min_length=1, max_length=NAME_LIMIT)
    parameters: Parameters = Field(default_factory=dict)
    compute: str | None = Field(
        None,
        min_length=1,
        description="Where it runs. Left out: where the notebook's kernel is, or on this machine.",
    )
    kernel_name: str | None = Field(
        None,
        description="Overrides the notebook's own kernel. `labstudio.COMPUTE.NAME` is the kernel "
        "NAME, and where no compute is named, that one.",
    )
    environment: Environment = Field(default_factory=Environment)
    env: dict[str, str] = Field(default_factory=dict, description="Environment variables.")
    files: list[str] | None = Field(
        None,
        description="Files beside the source to take along, as glob patterns relative to its "
        "folder. None: those that the code names and the modules beside it that it imports.",
    )
    inputs: dict[str, str] = Field(
        default_factory=dict,
        description="Data to have in the working folder: its path there, and the file or folder it "
        "is taken from, relative to the source's folder or absolute. It travels by content hash.",
    )
    need: Need = Field(default_factory=Need, description="What it takes of its compute.")
    checkpoint: CheckpointPolicy = Field(default_factory=lambda: CheckpointPolicy())
    outputs: list[str] = Field(
        default_factory=list,
        description="Files to keep as results, as glob patterns relative to the working folder. "
        "Files that the job creates or changes there are kept too.",
    )
    timeout_s: float | None = Field(None, gt=0, description="Wall time of one attempt, seconds.")
    retries: int = Field(0, ge=0, le=100, description="Further attempts after the first fails.")
    retry_backoff_s: float = Field(
        5.0, ge=0, le=86_400, description="Wait before the second attempt; doubles each time."
    )
    priority: int = Field(0, ge=-100, le=100, description="Higher starts earlier.")
    keep_kernel_s: float = Field(
        0.0,
        ge=0,
        le=7 * 86_400,
        description="Keep a failed notebook's kernel alive this long, to look at its variables.",
    )
    autolog: bool = Field(True, description="Apply mlflow.autolog() in notebook jobs.")
    experiment: str | None = Field(None, min_length=1, max_length=NAME_LIMIT)
    tags: dict[str, str] = Field(default_factory=dict)
    idempotency_key: str | None = Field(
        None,
        min_length=1,
        max_length=NAME_LIMIT,
        description="Submitting again with the same key gives the first job back.",
    )
    retain_s: float | None = Field(
        None, gt=0, description="Delete the job and its files this long after it ended."
    )


class CreateSweep(Input):
    """One job for each combination of the values listed."""

    job: CreateJob
    grid: dict[str, Annotated[list[JsonValue], Field(min_length=1)]] = Field(min_length=1)


class RerunJob(Input):
    """Changes for a rerun; what is left out stays as it was. The snapshot is the first job's."""

    name: str | None = Field(None, min_length=1, max_length=NAME_LIMIT)
    parameters: Parameters | None = None
    compute: str | None = None
    timeout_s: float | None = Field(None, gt=0)
    retries: int | None = Field(None, ge=0, le=100)
    priority: int | None = Field(None, ge=-100, le=100)
    keep_kernel_s: float | None = Field(None, ge=0, le=7 * 86_400)
    resume: bool = Field(
        False,
        description="Go on at the failed cell, with the variables that the job kept "
        "(`checkpoint.cells`).",
    )


class JobError(BaseModel):
    """Why an attempt did not succeed."""

    type: str = Field(description="The exception's class, or `Timeout`, `Killed`, `Lost`.")
    message: str
    traceback: str | None = Field(None, description="With ANSI colours, as the kernel gave it.")
    cell: int | None = Field(None, description="Index of the failing cell in the output notebook.")


class Progress(BaseModel):
    """How far a running job is."""

    phase: Literal["environment", "kernel", "running", "collecting"] = "running"
    cell: int | None = Field(None, description="Number of code cells ended so far.")
    cells: int | None = Field(None, description="Number of code cells in all.")
    message: str | None = None


class Job(BaseModel):
    """A job as it stands. Times are UTC."""

    id: str
    name: str
    kind: JobKind
    state: JobState
    compute: str
    user: str
    path: str | None = None
    parameters: Parameters = Field(default_factory=dict)
    priority: int = 0
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    attempt: int = Field(0, description="Number of the newest attempt, from 1; 0 before the first.")
    attempts_allowed: int = 1
    next_attempt_at: datetime | None = None
    run_id: str | None = Field(None, description="The job's MLflow run.")
    error: str | None = Field(None, description="One sentence; None unless something went wrong.")
    progress: Progress | None = None
    schedule_id: str | None = None
    sweep_id: str | None = None
    rerun_of: str | None = None
    stop_requested: bool = False
    preemptions: int = Field(0, description="How often its compute was taken away from it.")
    tags: dict[str, str] = Field(default_factory=dict)
    revision: int = 0


class CellTime(BaseModel):
    """When one code cell of a notebook job ran."""

    index: int = Field(description="Index in the output notebook, from 0.")
    started_at: datetime
    seconds: float | None = None
    state: Literal["running", "succeeded", "failed"] = "running"


class Attempt(BaseModel):
    """One try at a job."""

    number: int
    state: JobState
    worker: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    exit_code: int | None = None
    error: JobError | None = None
    cause: str | None = Field(None, description="Why another attempt followed, or none did.")
    notice_at: datetime | None = Field(
        None, description="When it was told that its compute is taken away."
    )
    cells: list[CellTime] = Field(default_factory=list)
    kernel_kept_until: datetime | None = None
    not_returned: dict[str, str] = Field(
        default_factory=dict, description="Names that could not be sent back, and why."
    )


class Provenance(BaseModel):
    """What the code was and ran in, taken at submission."""

    git_commit: str | None = None
    git_branch: str | None = None
    git_dirty: bool | None = None
    git_remote: str | None = None
    python_version: str | None = None
    packages: dict[str, str] = Field(default_factory=dict)
    platform: str | None = None


class SnapshotFile(BaseModel):
    """One file of a snapshot."""

    path: str = Field(description="Relative to the job's working folder, with `/`.")
    sha256: str
    size_bytes: int
    mode: int = 0o644
    source: str | None = Field(None, description="Of declared data: the file it was taken from.")


class Snapshot(BaseModel):
    """The code and files of a job as they were at submission, by content."""

    entry: str = Field(description="Path of the file that runs.")
    files: list[SnapshotFile]
    inputs: list[SnapshotFile] = Field(
        default_factory=list, description="Declared data; read-only in the working folder."
    )
    payload: str | None = Field(
        None, description="SHA-256 of the pickled names or call that a cell or function carries."
    )

    @property
    def everything(self) -> list[SnapshotFile]:
        """All that lies in the working folder at the start."""
        return [*self.files, *self.inputs]


class JobDetail(Job):
    """A job with all that is known of it."""

    spec: CreateJob
    attempts: list[Attempt] = Field(default_factory=list)
    snapshot: Snapshot | None = None
    provenance: Provenance | None = None
    error_detail: JobError | None = None


class JobPage(BaseModel):
    """One page of jobs, newest first."""

    items: list[Job]
    next_cursor: str | None = None
    counts: dict[JobState, int] = Field(
        default_factory=dict, description="Number of jobs in each state under the same filters."
    )


class ListJobs(Input):
    """What to list."""

    state: list[JobState] = Field(default_factory=list)
    kind: list[JobKind] = Field(default_factory=list)
    query: str | None = Field(None, max_length=NAME_LIMIT, description="Part of name or path.")
    schedule_id: str | None = None
    sweep_id: str | None = None
    user: str | None = None
    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = None


class ParameterSpec(BaseModel):
    """A parameter that a notebook declares in its `parameters` cell."""

    name: str
    type: Literal["int", "float", "bool", "str", "list", "dict", "any"]
    default: JsonValue = None
    help: str | None = None
    nullable: bool = Field(False, description="None is a value it may have.")


class SourceInfo(BaseModel):
    """What a notebook or script offers before it is submitted."""

    path: str
    kind: JobKind
    name: str
    kernel_name: str | None = None
    compute: str | None = Field(None, description="The compute that its kernel is of.")
    language: str | None = None
    cells: int | None = None
    parameters: list[ParameterSpec] = Field(default_factory=list)
    has_parameters_cell: bool = False
    files: list[str] = Field(
        default_factory=list, description="Files beside it that would be taken along by default."
    )
    files_left_out: list[str] = Field(
        default_factory=list,
        description="Files that the code names, but too large to be taken along unless asked for.",
    )
