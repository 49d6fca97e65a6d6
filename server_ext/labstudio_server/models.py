"""What only the REST API speaks of: queries, the error shape, kernels that were attached."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from labstudio.inputs import Input
from labstudio.jobs.left import AttemptQuery


class Problem(BaseModel):
    """Every error's answer; a superset of Jupyter Server's own shape."""

    message: str = Field(description="One clear sentence; it names the field that is wrong.")
    reason: str = Field(description="The HTTP status in words.")
    code: str = Field(description="Stable name of the kind of error, such as `invalid_input`.")
    details: dict[str, Any] = Field(
        default_factory=dict, description="Facts beside the sentence, such as `field`."
    )


class LogStreamQuery(AttemptQuery):
    """Where a stream of a log starts."""

    offset: int = Field(0, ge=0, description="Bytes from the log's start.")


class ResourceQuery(AttemptQuery):
    """How many samples."""

    points: int = Field(600, ge=2, le=10_000)


class FileQuery(AttemptQuery):
    """How a file is given."""

    download: bool = Field(False, description="As an attachment, to be saved.")


class SourceQuery(Input):
    """The notebook or script to look at."""

    path: str = Field(min_length=1, max_length=4096, description="Relative to the server's root.")


class HistoryQuery(Input):
    """Which page of a schedule's history."""

    limit: int = Field(100, ge=1, le=1000)
    cursor: str | None = None


class KernelAttachment(BaseModel):
    """A kept kernel that JupyterLab can now use."""

    kernel_id: str = Field(description="Its id in Jupyter Server's own kernels API.")
    name: str = Field(description="The kernel's spec name.")
