"""The nouns of kernels on computes."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, Field

from labstudio.compute.kernel_host import KernelOffer
from labstudio.compute.models import Need
from labstudio.inputs import Input


class KernelState(StrEnum):
    """What a kernel on a compute does."""

    starting = "starting"
    idle = "idle"
    busy = "busy"
    unreachable = "unreachable"
    """The link to its compute is cut; it lives there as far as anybody knows."""
    dead = "dead"
    """It ended without being asked to; its message says why."""

    @property
    def lives(self) -> bool:
        """Whether it may still be used."""
        return self is not KernelState.dead


class StudioKernel(BaseModel):
    """A kernel on a compute."""

    id: str = Field(description="Its id in Jupyter Server's own kernels API too.")
    compute: str
    offer: str = Field(description="The kernelspec's name on the compute.")
    display_name: str = Field(description="As the launcher shows it, such as `Python 3 @ box`.")
    language: str
    user: str
    path: str | None = Field(None, description="The notebook's file; None for a console of none.")
    state: KernelState
    message: str | None = Field(None, description="Why it is not as it should be.")
    need: Need = Field(description="The slots that it holds while it lives.")
    started_at: datetime
    active_at: datetime = Field(description="When code last ran in it.")
    ended_at: datetime | None = None
    revision: int


class KernelPage(BaseModel):
    """Kernels on computes, newest first."""

    items: list[StudioKernel]


class ListKernels(Input):
    """Which kernels."""

    compute: str | None = Field(None, description="Of one compute.")
    state: KernelState | None = None


class Owner(BaseModel):
    """The process that a kernel was started for, when nobody could find the kernel again."""

    pid: int
    create_time: float
    started: float | None = None

    @classmethod
    def of(cls, pid: int) -> Owner:
        """Return what tells a living process from a later one of its number."""
        import psutil

        from labstudio.jobs.runner.protocol import started_at

        created = psutil.Process(pid).create_time()
        return cls(pid=pid, create_time=created, started=started_at(pid))


class KernelSheet(BaseModel):
    """All that a keeper needs to know of its kernel: the content of ``kernel.json``."""

    id: str
    compute: str
    offer: KernelOffer
    spec: str = Field(description="Name of the kernelspec here.")
    user: str
    path: str | None = Field(None, description="The notebook's file.")
    notebooks: str | None = Field(None, description="The notebook's folder.")
    key: str = Field(description="Signs the kernel's messages.")
    env: dict[str, str] = Field(default_factory=dict)
    owner: Owner | None = Field(None, description="Only where `path` is None.")
    started_at: datetime


class KeeperInfo(BaseModel):
    """Which process keeps a kernel: the content of ``keeper.json``."""

    pid: int
    create_time: float
    started: float | None = None
    boot_id: str | None = None


class KernelStatus(BaseModel):
    """What a keeper answers to `status`."""

    id: str
    state: KernelState
    running: bool = Field(description="Whether there is a kernel now, not ended and not dead.")
    message: str | None = None
    active_at: datetime
    executing: str | None = Field(None, description="Id of the message whose code runs.")
    attached: bool = Field(False, description="Whether some Jupyter uses it now.")
    connection: dict[str, Any] = Field(description="The connection file that never changes.")
