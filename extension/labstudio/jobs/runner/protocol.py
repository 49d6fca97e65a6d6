"""The attempt folder: what the daemon tells the runner, and what the runner tells everybody.

The daemon writes ``attempt.json`` and launches a runner; the runner answers in files only. Every
JSON file is replaced whole, so that a reader sees the old content or the new, never a part.
"""

from __future__ import annotations

import contextlib
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeVar

import psutil
from pydantic import BaseModel, Field, JsonValue, ValidationError

from labstudio.compute.models import Need
from labstudio.home import Home, write_atomic
from labstudio.jobs.models import (
    CellTime,
    CheckpointPolicy,
    Environment,
    JobError,
    JobKind,
    Parameters,
    Progress,
    Snapshot,
)

SPEC, CLAIM, RUNNER, STATUS, RESULT = (
    "attempt.json",
    "claim",
    "runner.json",
    "status.json",
    "result.json",
)
LOG, RESOURCES, NOTEBOOK, OUTPUTS = "log", "resources.jsonl", "output.ipynb", "outputs.json"
CARRY, RESULT_PICKLE, WORK, TRACKING = "carry.pkl", "result.pkl", "work", "tracking.json"
LOSS = "loss.json"
# What the kernel of a Python notebook says of itself at the end: what it read, and where it was.
WITNESS = "witness.json"
STOP, CHECKPOINT = "stop", "checkpoint"
# In the working folder: so it is wherever the code is, and comes back with what the code writes.
SAVED = ".checkpoint"

ATTEMPT_VARIABLE = "LABSTUDIO_ATTEMPT"
MEGABYTE = 1 << 20

Outcome = Literal["succeeded", "failed", "stopped", "timeout", "preempted"]
Model = TypeVar("Model", bound=BaseModel)


class Tracking(BaseModel):
    """The MLflow run that an attempt logs to.

    An attempt does not wait for its run: where the tracking server is only starting,
    ``attempt.json`` has no `run_id`, and ``tracking.json`` tells it later.
    """

    uri: str
    run_id: str | None = Field(
        None, description="None in attempt.json: told later. None in tracking.json: there is none."
    )
    experiment_id: str | None = None
    token: str | None = None


class Place(BaseModel):
    """Where the code runs when it is not a process beside the runner, such as a container.

    The kind of compute that wrote it made the class that reads it.
    """

    opens: str = Field(
        description="What makes it in the runner, as `module:class` of a "
        "`labstudio.jobs.runner.place.Place` that takes the attempt and these settings."
    )
    settings: dict[str, JsonValue] = Field(default_factory=dict)


class Gateway(BaseModel):
    """How an attempt that does not run beside the studio reaches it."""

    token: str = Field(description="Lets it do what its own job may, and nothing else.")
    url: str | None = Field(
        None,
        description="Such as http://127.0.0.1:PORT, as the code sees it. None: as LABSTUDIO_URL "
        "says, which the forwarder (`labstudio.gateway.forward`) sets there.",
    )


class AttemptSpec(BaseModel):
    """All that a runner needs to know of one attempt."""

    job_id: str
    attempt: int = 1
    kind: JobKind
    entry: str = Field(description="What runs: a path relative to the working folder, with `/`.")
    parameters: Parameters = Field(default_factory=dict)
    kernel_name: str | None = Field(None, description="Overrides the notebook's own kernel.")
    environment: Environment = Field(default_factory=lambda: Environment())
    home: str
    env: dict[str, str] = Field(default_factory=dict)
    timeout_s: float | None = None
    keep_kernel_s: float = 0.0
    autolog: bool = True
    outputs: list[str] = Field(default_factory=list, description="Glob patterns of declared files.")
    assigns: list[str] = Field(default_factory=list, description="Names that a cell gives back.")
    carry: bool = Field(False, description="Whether carry.pkl holds names for the first cell.")
    tracking: Tracking | None = None
    gateway: Gateway | None = Field(
        None, description="None where the code has the home at hand; otherwise MLflow is there too."
    )
    compute: str = "local"
    place: Place | None = Field(None, description="None: beside the runner.")
    need: Need = Field(default_factory=lambda: Need())
    gpus: list[int] = Field(default_factory=list, description="Numbers of the GPUs it may use.")
    preemptible: bool = Field(
        False, description="SIGTERM without a file `stop` means that the compute is taken away."
    )
    grace_s: float = Field(30.0, description="For writing a checkpoint when preempted.")
    checkpoint: CheckpointPolicy = Field(default_factory=lambda: CheckpointPolicy())
    snapshot: Snapshot | None = Field(
        None, description="The working folder's files; None when it is already laid out."
    )
    labels: dict[str, str] = Field(default_factory=dict)
    cell_output_limit_bytes: int = Field(
        20 * MEGABYTE, description="What the notebook keeps of one cell's output."
    )
    kernel_start_timeout_s: float = 60.0
    interrupt_grace_s: float = Field(2.0, description="From SIGINT to SIGTERM when stopping.")
    terminate_grace_s: float = Field(1.0, description="From SIGTERM to SIGKILL when stopping.")

    @property
    def marker(self) -> str:
        """The value of `LABSTUDIO_ATTEMPT` in every process of this attempt."""
        return f"{self.job_id}/{self.attempt}"


class RunnerInfo(BaseModel):
    """Which processes an attempt is; times tell a process from another with its number."""

    pid: int
    create_time: float
    started: float | None = Field(None, description="In seconds since the boot; see `started_at`.")
    kernel_pid: int | None = None
    kernel_create_time: float | None = None
    kernel_started: float | None = None
    boot_id: str | None = None
    marker: str | None = None


class Status(BaseModel):
    """How far an attempt is."""

    progress: Progress = Field(default_factory=lambda: Progress())
    cells: list[CellTime] = Field(default_factory=list)
    updated_at: datetime
    kernel_kept_until: datetime | None = None
    connection_file: str | None = None


class Result(BaseModel):
    """How an attempt ended; the last thing that a runner writes."""

    outcome: Outcome
    error: JobError | None = None
    exit_code: int | None = None
    ended_at: datetime
    cells: list[CellTime] = Field(default_factory=list)
    not_returned: dict[str, str] = Field(
        default_factory=dict, description="Names that could not be sent back, and why."
    )


class OutputFile(BaseModel):
    """A file that the code created or changed, or that was declared as an output."""

    path: str = Field(description="Relative to the working folder, with `/`.")
    size_bytes: int
    modified_at: datetime
    declared: bool = False


class OutputFiles(BaseModel):
    """The content of ``outputs.json``."""

    items: list[OutputFile] = Field(default_factory=list)
    truncated: bool = Field(False, description="There were more than are listed.")


def now() -> datetime:
    """Return the present moment, UTC."""
    return datetime.now(UTC)


def boot_id() -> str | None:
    """Return what tells this boot of the machine from others; None where it cannot be known."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def write_model(path: Path, model: BaseModel, *, durable: bool = False) -> None:
    """Replace a JSON file by a model's content."""
    write_atomic(path, model.model_dump_json(), durable=durable)


def read_model(path: Path, kind: type[Model]) -> Model | None:
    """Read a JSON file of the protocol; None when there is none, or it is not readable as such."""
    try:
        return kind.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None


def write_spec(folder: Path, spec: AttemptSpec) -> None:
    """Write ``attempt.json``; only the user may read it, for it can hold a token."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_model(folder / SPEC, spec, durable=True)


def read_spec(folder: Path) -> AttemptSpec:
    """Read ``attempt.json``; what is wrong with it is raised."""
    return AttemptSpec.model_validate_json((folder / SPEC).read_bytes())


def write_tracking(folder: Path, tracking: Tracking) -> None:
    """Write ``tracking.json``: the run of an attempt that began without one."""
    write_model(folder / TRACKING, tracking)


def read_tracking(folder: Path) -> Tracking | None:
    """Read the run that was told later; None while it is not."""
    return read_model(folder / TRACKING, Tracking)


def awaits_run(folder: Path) -> bool:
    """Say whether the attempt began without the run that it is to have, and still has none."""
    spec = read_model(folder / SPEC, AttemptSpec)
    if spec is None or spec.tracking is None or spec.tracking.run_id is not None:
        return False
    return read_tracking(folder) is None


def read_runner(folder: Path) -> RunnerInfo | None:
    """Read which processes the attempt is; None before a runner has claimed it."""
    return read_model(folder / RUNNER, RunnerInfo)


def read_status(folder: Path) -> Status | None:
    """Read how far the attempt is; None before it began."""
    return read_model(folder / STATUS, Status)


def read_result(folder: Path) -> Result | None:
    """Read how the attempt ended; None while it has not."""
    return read_model(folder / RESULT, Result)


def write_loss(folder: Path, error: JobError) -> None:
    """Write ``loss.json``: why the attempt ends without a result."""
    write_model(folder / LOSS, error, durable=True)


def read_loss(folder: Path) -> JobError | None:
    """Read why the attempt ended without a result; None where its runner did not say."""
    return read_model(folder / LOSS, JobError)


def claim(folder: Path) -> bool:
    """Make the attempt this process's own; False where another was first, or it was deleted."""
    try:
        os.close(os.open(folder / CLAIM, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except (FileExistsError, FileNotFoundError):
        return False
    return True


def started_at(pid: int) -> float | None:
    """Return when a process started, in seconds since the boot; None where that is not told.

    The time of day of its start is reckoned from the clock as it is now, so it moves when the clock
    is set: a machine that wakes up, a first answer from a time server. This does not.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None


def process_of(
    pid: int | None,
    create_time: float | None,
    started: float | None = None,
    boot: str | None = None,
) -> psutil.Process | None:
    """Return the living process of that number and start; None when it is gone.

    A number is used again in time: only the moment of its start makes it that process.

    Parameters
    ----------
    pid
        Its number.
    create_time
        Its start by the clock, as psutil tells it.
    started
        Its start since the boot, as `started_at` tells it; where it is known, it decides.
    boot
        That boot, as `boot_id` tells it; None where it was not known.
    """
    if pid is None or (boot is not None and boot != boot_id()):
        return None
    try:
        process = psutil.Process(pid)
        if started is not None:
            if started_at(pid) != started:
                return None
        elif create_time is not None and abs(process.create_time() - create_time) > 0.05:
            return None
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def is_alive(folder: Path) -> bool:
    """Say whether the attempt's runner process lives."""
    return _runner_of(folder) is not None


def request_stop(folder: Path) -> bool:
    """Ask the attempt's runner to stop; False when there is none alive to ask."""
    with contextlib.suppress(OSError):
        (folder / STOP).touch(mode=0o600)
    return _terminate(folder)


def request_preemption(folder: Path) -> bool:
    """Tell the attempt's runner that its compute is taken away; False when there is none alive."""
    return _terminate(folder)


def forestall(folder: Path, outcome: Outcome = "stopped") -> bool:
    """End an attempt whose runner was launched and has not come yet: it will find it claimed."""
    if not (folder / SPEC).exists() or not claim(folder):
        return False
    write_model(folder / RESULT, Result(outcome=outcome, ended_at=now()), durable=True)
    return True


def _terminate(folder: Path) -> bool:
    process = _runner_of(folder)
    if process is None:
        return False
    try:
        process.send_signal(signal.SIGTERM)
    except psutil.NoSuchProcess:
        return False
    return True


def _runner_of(folder: Path) -> psutil.Process | None:
    info = read_runner(folder)
    if info is None:
        return None
    return process_of(info.pid, info.create_time, info.started, info.boot_id)


def kernel_folder(home: Home) -> Path:
    """Return the folder of kernels' connection files and sockets; its path is short."""
    folder = home.runtime / "k"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
