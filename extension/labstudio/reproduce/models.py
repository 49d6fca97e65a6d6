"""The report of a reproduction: artifact ``labstudio/reproduction.json`` of the new run."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, Field

from labstudio.inputs import Input

REPORT = "labstudio/reproduction.json"
REPRODUCES_TAG = "labstudio.reproduces"
VERDICT_TAG = "labstudio.reproduction"

TOLERANCE = 1e-6


class Verdict(StrEnum):
    """How a reproduction came out."""

    pending = "pending"
    agrees = "agrees"
    differs = "differs"
    failed = "failed"


class Packages(StrEnum):
    """Which packages a reproduction runs with."""

    then = "then"
    now = "now"


class Reproduce(Input):
    """How to reproduce a run."""

    compute: str | None = Field(
        None, min_length=1, description="Where; left out: where the run was made."
    )
    packages: Packages = Field(
        Packages.then,
        description="`then`: an environment built from the run's lock, unless these are installed. "
        "`now`: those that are installed.",
    )


class MetricCheck(BaseModel):
    """A metric's value then and now."""

    key: str
    then: float | None = None
    now: float | None = None
    difference: float | None = None
    agrees: bool


class CellCheck(BaseModel):
    """A code cell's outputs then and now."""

    index: int = Field(description="Its place among the code cells that were run, from 0.")
    execution_count: int | None = None
    source: str = Field(description="Its first line.")
    agrees: bool
    then: str | None = Field(None, description="The output as text, where it differs.")
    now: str | None = None


class DataCheck(BaseModel):
    """A file that the run had read: what it holds now."""

    name: str
    path: str | None = None
    then: str = Field(description="SHA-256 then.")
    now: str | None = Field(None, description="SHA-256 now; null when it is not there any more.")
    agrees: bool


class Reason(BaseModel):
    """Why something may have changed."""

    kind: Literal[
        "data", "code", "package", "python", "hardware", "platform", "compute", "seed", "failure"
    ]
    message: str = Field(description="One sentence.")


class Reproduction(BaseModel):
    """What agreed and what changed when a run was made again."""

    run_id: str = Field(description="The run that was to be reproduced.")
    new_run_id: str | None = None
    job_id: str | None = None
    verdict: Verdict
    message: str = Field(description="One sentence.")
    compute: str = "local"
    created_at: datetime
    tolerance: float = Field(
        TOLERANCE, description="Relative difference up to which metrics agree."
    )
    data: list[DataCheck] = Field(default_factory=list)
    cells: list[CellCheck] = Field(default_factory=list)
    metrics: list[MetricCheck] = Field(default_factory=list)
    reasons: list[Reason] = Field(default_factory=list)


class ReproductionPage(BaseModel):
    """The reproductions of a run, newest first."""

    items: list[Reproduction]
