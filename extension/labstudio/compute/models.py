"""The nouns of compute: named places where jobs run and kernels live."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ByteSize, Field, JsonValue

from labstudio.inputs import Input
from labstudio.status import Check

LOCAL = "local"
NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,39}$"

HolderKind = Literal["job", "kernel"]


class Need(Input):
    """What a job or a kernel takes of its compute while it runs there."""

    cpus: float = Field(1.0, gt=0, le=4096, description="Cores.")
    memory: ByteSize = Field(
        ByteSize(0), description="Bytes, or a text such as `4GiB`. 0: not counted and not limited."
    )
    gpus: int = Field(0, ge=0, le=64)


class ComputeSettings(Input):
    """What every entry of ``compute.toml`` may say; a kind adds its own fields.

    ``[gpu-box]`` is the compute's name; ``type`` says which kind it is.
    """

    type: str
    description: str = ""
    cpus: float | None = Field(None, gt=0, description="Cores to give out. None: all it has.")
    memory: ByteSize | None = Field(
        None, description="Memory to give out, as bytes or a text such as `64GiB`. None: all."
    )
    gpus: int | None = Field(None, ge=0, description="GPUs to give out. None: all it has.")
    max_jobs: int | None = Field(
        None, ge=1, description="Jobs that may run there at once, whatever they need."
    )
    max_jobs_per_user: int | None = Field(None, ge=1, description="Those of one user.")
    price_per_hour: float = Field(0.0, ge=0, description="Of the whole compute, in any currency.")
    on_demand_price_per_hour: float | None = Field(
        None, ge=0, description="What the same would cost were it not preemptible."
    )
    preemptible: bool = Field(
        False, description="It may be taken away: jobs save a checkpoint and go back to the queue."
    )
    grace_s: float = Field(
        30.0, ge=0, le=3600, description="How long a preempted job may write its checkpoint."
    )
    kernel_need: Need = Field(
        default_factory=lambda: Need(), description="What each kernel there takes."
    )
    idle_kernel_s: float | None = Field(
        None, gt=0, description="End kernels idle for so long. None: never."
    )
    env: dict[str, str] = Field(
        default_factory=dict, description="Environment variables of all that runs there."
    )


class Capacity(BaseModel):
    """What a compute has to give out."""

    cpus: float
    memory_bytes: int
    gpus: int = 0


class Gpu(BaseModel):
    """One GPU as NVML tells of it."""

    index: int
    name: str = ""
    memory_bytes: int = 0
    memory_used_bytes: int = 0
    busy_percent: float | None = None


class Resources(BaseModel):
    """What a compute's machine has, and how much of it is used now, by whomever."""

    at: datetime
    cpus: float
    cpu_percent: float = Field(description="100 is all cores busy.")
    memory_bytes: int
    memory_used_bytes: int
    disk_bytes: int = 0
    disk_used_bytes: int = 0
    gpus: list[Gpu] = Field(default_factory=list)
    platform: str = ""


class Occupant(BaseModel):
    """A job or a kernel that holds slots of a compute."""

    holder: HolderKind
    id: str
    name: str
    user: str
    state: str
    cpus: float
    memory_bytes: int
    gpus: list[int] = Field(default_factory=list, description="Numbers of the GPUs it holds.")
    since: datetime


class Waiting(BaseModel):
    """A job that waits for slots of a compute, in the order in which it will have them."""

    id: str
    name: str
    user: str
    priority: int = 0
    since: datetime
    expected_at: datetime | None = Field(
        None, description="Reckoned from how long such jobs took before; None where none did."
    )
    why: str = Field("", description="What it waits for, in one sentence.")


class Compute(BaseModel):
    """A named place with resources, as it stands."""

    name: str
    type: str
    description: str = ""
    state: Literal["ready", "draining", "unreachable", "invalid"] = "ready"
    message: str = Field("", description="Why it is not ready, with the mend.")
    source: str | None = Field(None, description="The compute.toml that names it; None: built in.")
    cpus: float = 0
    memory_bytes: int = 0
    gpus: int = 0
    cpus_held: float = 0
    memory_held_bytes: int = 0
    gpus_held: int = 0
    max_jobs: int | None = Field(None, description="Jobs that may run there at once.")
    max_jobs_per_user: int | None = None
    running: int = Field(0, description="Jobs that run.")
    queued: int = Field(0, description="Jobs that wait.")
    kernels: int = Field(0, description="Kernels that live there.")
    hosts_kernels: bool = True
    runs_images: bool = Field(False, description="Jobs may name the image that they run in.")
    preemptible: bool = False
    price_per_hour: float = 0.0
    spent: float = Field(0.0, description="What jobs and kernels there cost, ever.")


class ComputePage(BaseModel):
    """Every compute of the studio."""

    items: list[Compute]
    problems: list[str] = Field(
        default_factory=list, description="What is wrong with the files that name computes."
    )


class ComputeDetail(Compute):
    """A compute with what runs and waits there, and what its machine does."""

    settings: dict[str, JsonValue] = Field(default_factory=dict)
    occupants: list[Occupant] = Field(default_factory=list)
    waiting: list[Waiting] = Field(default_factory=list)
    resources: Resources | None = Field(None, description="As last seen; None before a look.")


class CreateCompute(Input):
    """A new entry of the home's compute.toml."""

    name: str = Field(pattern=NAME_PATTERN)
    type: str
    settings: dict[str, JsonValue] = Field(default_factory=dict)


class DrainCompute(Input):
    """Whether a compute takes nothing new; what runs there goes on, unless told otherwise."""

    draining: bool
    now: bool = Field(
        False,
        description="Jobs that run there save a checkpoint within `grace_s`, and wait until it "
        "takes work again. Only where it is preemptible.",
    )


class TestReport(BaseModel):
    """What ``labstudio compute test`` found, step by step."""

    compute: str
    ok: bool
    seconds: float
    checks: list[Check]


class KindField(BaseModel):
    """One setting that a kind takes, for a form."""

    name: str
    description: str
    type: Literal["text", "number", "integer", "boolean", "list", "table"]
    required: bool = False
    default: JsonValue = None


class KindInfo(BaseModel):
    """A kind of compute that can be added here."""

    type: str
    summary: str
    available: bool
    message: str = Field("", description="What to install when it is not available.")
    hosts_kernels: bool
    fields: list[KindField]


class KindPage(BaseModel):
    """Every kind of compute."""

    items: list[KindInfo]
