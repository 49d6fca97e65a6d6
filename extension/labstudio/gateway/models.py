"""What only the gateway speaks of: jobs whose code was read elsewhere."""

from __future__ import annotations

from pydantic import BaseModel, Field

from labstudio.inputs import Input
from labstudio.jobs.models import CreateJob, Parameters, Provenance, Snapshot, SnapshotFile

SHA256 = r"^[0-9a-f]{64}$"


class SubmitJob(Input):
    """A job with its code, which lies in the studio's blobs already."""

    job: CreateJob
    snapshot: Snapshot
    assigns: list[str] = Field(default_factory=list, description="Names that a cell gives back.")
    provenance: Provenance = Field(default_factory=lambda: Provenance())


class SubmitSweep(SubmitJob):
    """One job for each set of parameters; they share the code."""

    points: list[Parameters] = Field(min_length=1, max_length=10_000)


class KeepCheckpoint(Input):
    """A whole checkpoint of the job that asks; its content lies in the studio's blobs already."""

    name: str = Field(pattern=r"^step-\d{1,18}$")
    files: list[SnapshotFile] = Field(min_length=1)


class Contents(BaseModel):
    """Contents by their SHA-256."""

    sha256: list[str] = Field(default_factory=list, max_length=100_000)
