"""The nouns of usage: who used how much of what, for how long, at which price."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from labstudio.inputs import Input


class By(StrEnum):
    """What a report has a row for."""

    user = "user"
    workspace = "workspace"
    experiment = "experiment"
    compute = "compute"
    holder = "holder"


class UsageQuery(Input):
    """Which part of the ledger."""

    by: By = By.user
    since: datetime | None = Field(None, description="None: from the first entry on.")
    until: datetime | None = Field(None, description="None: until now.")
    compute: str | None = None
    user: str | None = None


class Amount(BaseModel):
    """What was used. Of a compute that several held at once each has its part of the price."""

    seconds: float = Field(0.0, description="How long slots were held, all holders added up.")
    cpu_s: float = Field(0.0, description="Core seconds.")
    memory_byte_s: float = Field(0.0, description="Byte seconds of memory.")
    gpu_s: float = Field(0.0, description="GPU seconds.")
    cost: float = Field(0.0, description="In the currency of the prices.")
    saved: float = Field(0.0, description="What it would have cost more were it not preemptible.")
    lost_s: float = Field(0.0, description="Work that preemptions cost, done again later.")
    lost_cost: float = Field(0.0, description="The price of that work.")


class UsageRow(Amount):
    """One user, workspace, experiment, compute, job or kernel."""

    key: str = Field(description="Empty: none, such as work outside of a workspace.")
    label: str
    entries: int = Field(description="Attempts and kernels.")


class UsageDay(BaseModel):
    """What was used on one day, UTC."""

    day: date
    seconds: float
    cost: float


class UsageReport(BaseModel):
    """A part of the ledger, added up; the dearest row comes first."""

    by: By
    since: datetime | None
    until: datetime
    rows: list[UsageRow]
    days: list[UsageDay]
    total: Amount


class Entry(BaseModel):
    """One line of the ledger: an attempt at a job, or the life of a kernel."""

    id: str
    holder: str
    holder_id: str
    attempt: int
    name: str
    compute: str
    user: str
    workspace: str | None = None
    experiment: str | None = None
    cpus: float
    memory_bytes: int
    gpus: int
    share: float = Field(description="Of the compute that was held, above 0 to 1.")
    price_per_hour: float
    on_demand_price_per_hour: float | None = None
    started_at: datetime
    ended_at: datetime | None = None
    outcome: str | None = None
    lost_s: float | None = None
