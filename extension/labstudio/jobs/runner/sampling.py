"""What an attempt's processes use, once a second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from labstudio.jobs.left import ResourceSample
from labstudio.jobs.processes import descendants, reap_orphans

if TYPE_CHECKING:
    from collections.abc import Callable

    from labstudio.jobs.runner.place import Usage

INTERVAL_S = 1.0
FIRST_S = 0.3


class Sampler:
    """Writes one line of ``resources.jsonl`` a second.

    Parameters
    ----------
    path
        The file.
    own_children
        Gives the pids of children whose exit is waited for elsewhere.
    elsewhere
        Tells what code uses that is not below this process; None where it is below.
    """

    def __init__(
        self,
        path: Path,
        own_children: Callable[[], list[int]],
        elsewhere: Callable[[], Usage | None] = lambda: None,
    ) -> None:
        self._path = path
        self._own = own_children
        self._elsewhere = elsewhere
        self._spent = 0.0
        self._times: dict[tuple[int, float], float] = {}
        self._at = time.monotonic()
        self._gpus = Gpus(find_nvml())

    async def run(self) -> None:
        """Sample until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            told = await asyncio.to_thread(self._elsewhere)
            with contextlib.suppress(OSError):
                line = self.sample(told).model_dump_json(exclude_none=True)
                with self._path.open("a") as file:
                    file.write(line + "\n")
            reap_orphans(self._own())
            await asyncio.sleep(INTERVAL_S)

    def sample(self, told: Usage | None = None) -> ResourceSample:
        """Measure now; the CPU's share is since the last time.

        Parameters
        ----------
        told
            What the code uses elsewhere; None to look below this process.
        """
        now = time.monotonic()
        elapsed, self._at = max(now - self._at, 1e-6), now
        if told is not None:
            used, self._spent = max(0.0, told.cpu_s - self._spent), told.cpu_s
            return ResourceSample(
                t=time.time(),
                cpu_percent=round(100 * used / elapsed, 1),
                memory_bytes=told.memory_bytes,
                processes=told.processes,
            )
        memory, used, pids = 0, 0.0, []
        times: dict[tuple[int, float], float] = {}
        for process in descendants(os.getpid()):
            try:
                with process.oneshot():
                    key = (process.pid, process.create_time())
                    spent = process.cpu_times()
                    memory += process.memory_info().rss
            except psutil.Error:
                continue
            pids.append(process.pid)
            total = spent.user + spent.system
            times[key] = total
            used += max(0.0, total - self._times.get(key, 0.0))
        self._times = times
        return ResourceSample(
            t=time.time(),
            cpu_percent=round(100 * used / elapsed, 1),
            memory_bytes=memory,
            processes=len(pids),
            **self._gpus.measure(set(pids)),
        )


def find_nvml() -> Any:
    """Return NVIDIA's library, where it is installed and there is a device; None otherwise."""
    if not Path("/dev/nvidiactl").exists():
        return None
    try:
        import pynvml
    except ImportError:
        return None
    return pynvml


class Gpus:
    """What NVIDIA's library says of all devices together.

    Parameters
    ----------
    nvml
        The library, `pynvml`; None where there is none.
    """

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        self._handles: list[Any] = []
        if nvml is not None:
            with contextlib.suppress(nvml.NVMLError):
                nvml.nvmlInit()
                count = nvml.nvmlDeviceGetCount()
                self._handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)]

    def measure(self, pids: set[int]) -> dict[str, Any]:
        """Return the share of time that devices were busy, and the memory of some processes.

        100 percent is one device, busy with whatever: NVIDIA does not tell whose work it is.
        """
        if not self._handles:
            return {}
        share, memory = 0.0, 0
        for handle in self._handles:
            with contextlib.suppress(self._nvml.NVMLError):
                share += self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu
            with contextlib.suppress(self._nvml.NVMLError):
                memory += sum(
                    process.usedGpuMemory or 0
                    for process in self._nvml.nvmlDeviceGetComputeRunningProcesses(handle)
                    if process.pid in pids
                )
        return {"gpu_percent": share, "gpu_memory_bytes": memory}
