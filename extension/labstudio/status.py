"""What the studio says of itself: versions, the daemon, warm kernels, and how to mend things."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class DaemonStatus(BaseModel):
    """Whether the studio's daemon runs, and which."""

    state: Literal["running", "starting", "stopped", "outdated"]
    pid: int | None = None
    version: str | None = None
    started_at: datetime | None = None
    message: str = Field(description="One sentence for the user, with the mend if there is one.")


class WarmKernels(BaseModel):
    """Kernels started beforehand, and what they cost."""

    ready: int
    wanted: int
    memory_bytes: int = Field(description="Proportional set size of all of them together.")


class Status(BaseModel):
    """The state of the studio, for the panel's first request."""

    version: str
    user: str
    daemon: DaemonStatus
    warm_kernels: WarmKernels
    tracking_ready: bool
    message: str | None = None


class Check(BaseModel):
    """One finding of ``labstudio doctor``."""

    name: str
    state: Literal["ok", "warning", "error"]
    message: str
    mend: str | None = None


class Report(BaseModel):
    """All findings of ``labstudio doctor``."""

    ok: bool
    checks: list[Check]
