"""The nouns of compute: named places where jobs run."""

from __future__ import annotations

from pydantic import BaseModel, Field


class Compute(BaseModel):
    """A named place with resources."""

    name: str
    type: str
    cpus: float
    memory_bytes: int
    gpus: int = 0
    max_jobs: int = Field(description="Jobs that may run there at once.")
    max_jobs_per_user: int = Field(description="Jobs of one user that may run there at once.")
    running: int = 0
    queued: int = 0


class ComputePage(BaseModel):
    """Every compute of the studio."""

    items: list[Compute]
