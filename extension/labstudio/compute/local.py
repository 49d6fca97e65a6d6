"""The worker's machine as a compute: runners that the nursery forks, in folders of this disk."""

from __future__ import annotations

import platform
import time
from functools import cached_property
from typing import TYPE_CHECKING

import psutil

from labstudio.compute.kind import Kind, Order, Presence, Signal
from labstudio.compute.machine import gpus, look
from labstudio.compute.models import Capacity, Resources
from labstudio.jobs import processes
from labstudio.jobs.models import JobError, JobKind
from labstudio.jobs.runner import protocol
from labstudio.status import Check

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from labstudio.compute.kernel_host import KernelHost, KernelOffer, KernelOrder
    from labstudio.jobs.runner.protocol import AttemptSpec

# A runner that was launched and has not claimed its folder after so long will not come.
CLAIM_TIMEOUT_S = 60.0
# Between its claim and the file that says who it is.
NAMING_TIMEOUT_S = 10.0


class Local(Kind):
    """The worker's own machine."""

    TYPE = "local"
    summary = "This machine."
    at_home = True
    hosts_kernels = True
    keeps_kernels = True

    def capacity(self) -> Capacity:
        """Return what the machine has, or less where the settings say so."""
        asked = self.settings
        return Capacity(
            cpus=asked.cpus or psutil.cpu_count() or 1,
            memory_bytes=asked.memory or psutil.virtual_memory().total,
            gpus=self._gpus if asked.gpus is None else asked.gpus,
        )

    @cached_property
    def _gpus(self) -> int:
        return len(gpus())

    def resources(self) -> Resources:
        """Look at the machine now."""
        return look(self.host.home.path)

    def test(self) -> Iterator[Check]:
        """Say that it is there."""
        yield Check(name="machine", state="ok", message=f"{platform.node()} is this machine.")

    def launch(self, order: Order) -> None:
        """Have the nursery fork a runner, with a warm kernel where one suits."""
        assert self.host.nursery is not None
        spec = self._with_gpus(order.spec)
        protocol.write_spec(order.folder, spec)
        plain = not spec.environment.requirements and spec.environment.python is None
        warm = plain and spec.place is None and spec.kind is not JobKind.script
        self.host.nursery.launch(order.folder, warm_ok=warm)

    def _with_gpus(self, spec: AttemptSpec) -> AttemptSpec:
        """Let the code see the GPUs that it was given; all of them where nobody shares them out."""
        if not spec.gpus and self.settings.gpus is None:
            return spec
        seen = ",".join(map(str, spec.gpus))
        return spec.model_copy(update={"env": {**spec.env, "CUDA_VISIBLE_DEVICES": seen}})

    def attach(self, folder: Path) -> bool:
        """Say whether a runner has claimed the folder; it needs nobody."""
        return (folder / protocol.CLAIM).exists()

    def stream(self, folder: Path) -> Presence:
        """Look at the folder: the runner writes into it itself."""
        if not (folder / protocol.CLAIM).exists():
            return self._unclaimed(folder)
        if protocol.is_alive(folder):
            return Presence.running
        if protocol.read_runner(folder) is None and not _older(
            folder / protocol.CLAIM, NAMING_TIMEOUT_S
        ):
            return Presence.coming
        return Presence.gone

    def _unclaimed(self, folder: Path) -> Presence:
        # Claiming the folder ourselves keeps a runner that was slow to come from starting now.
        late = _older(folder / protocol.SPEC, CLAIM_TIMEOUT_S)
        return Presence.gone if late and protocol.claim(folder) else Presence.coming

    def loss(self, folder: Path) -> JobError | None:
        """Say what the runner said, and tell one that never came from one that was killed."""
        if (told := protocol.read_loss(folder)) is not None:
            return told
        if protocol.read_runner(folder) is None:
            return JobError(type="Lost", message="The job's process could not be started.")
        return None

    def signal(self, folder: Path, how: Signal) -> None:
        """Ask the runner, or end what is left of it."""
        never: protocol.Outcome = "preempted" if how is Signal.preempt else "stopped"
        if how is not Signal.kill and protocol.forestall(folder, never):
            return
        if how is Signal.stop:
            protocol.request_stop(folder)
        elif how is Signal.preempt:
            protocol.request_preemption(folder)
        else:
            processes.kill_attempt(folder)

    def kernel_offers(self) -> list[KernelOffer]:
        """Return Jupyter's own kernels."""
        from labstudio.compute.local_kernel import offers

        return offers()

    def kernel_host(self, order: KernelOrder) -> KernelHost:
        """Return what keeps a kernel as a process of this machine."""
        from labstudio.compute.local_kernel import ProcessKernel

        return ProcessKernel(order)


def _older(path: Path, seconds: float) -> bool:
    try:
        return time.time() - path.stat().st_mtime > seconds
    except FileNotFoundError:
        return False
