"""The nouns of what jobs leave: logs, samples of what they used, metrics, files."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from labstudio.inputs import Input


class AttemptQuery(Input):
    """Which attempt of a job."""

    attempt: int | None = Field(None, ge=1, description="The newest when left out.")


class LogQuery(AttemptQuery):
    """Which piece of a log."""

    offset: int = Field(0, ge=0, description="Bytes from the log's start.")
    limit: int = Field(1 << 20, ge=16, le=1 << 22, description="Bytes to read at most.")


class LogChunk(BaseModel):
    """A piece of an attempt's log. Offsets are bytes from the log's start."""

    offset: int
    next_offset: int
    size_bytes: int = Field(description="The log's length when it was read.")
    text: str = Field(description="UTF-8, invalid bytes replaced; never ends within a character.")
    attempt: int
    complete: bool = Field(description="The attempt has ended and `next_offset` is the log's end.")


class ResourceSample(BaseModel):
    """What an attempt's processes used at one moment."""

    t: float = Field(description="Seconds since the epoch.")
    cpu_percent: float = Field(description="100 is one core.")
    memory_bytes: int
    processes: int = 1
    gpu_percent: float | None = None
    gpu_memory_bytes: int | None = None


class ResourceSeries(BaseModel):
    """Samples over an attempt, thinned to at most the number asked for."""

    attempt: int
    samples: list[ResourceSample]


class MetricPoint(BaseModel):
    """One logged value of a metric."""

    step: int
    timestamp: datetime
    value: float | None = Field(description="None where the value was not finite.")


class JobMetrics(BaseModel):
    """The metrics logged to a job's run."""

    run_id: str | None
    metrics: dict[str, list[MetricPoint]] = Field(default_factory=dict)


class JobFile(BaseModel):
    """A file that a job left."""

    path: str = Field(description="Under which it is downloaded.")
    name: str = Field(
        description="As the job's code knows it: an output's path relative to the working folder."
    )
    role: Literal["notebook", "html", "log", "output", "result"]
    size_bytes: int
    media_type: str
    modified_at: datetime


class JobFiles(BaseModel):
    """The files that a job left, of one attempt."""

    attempt: int
    items: list[JobFile]
