"""What a machine has and how busy it is: psutil, and NVML where there is a GPU.

The module stands alone beside psutil, so that it can be run on another machine too.
"""

from __future__ import annotations

import contextlib
import platform
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psutil

from labstudio.compute.models import Gpu, Resources

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SAMPLE_S = 0.1


def look(disk: Path | str) -> Resources:
    """Look at this machine for a tenth of a second.

    Parameters
    ----------
    disk
        A path on the disk that is told of.
    """
    memory = psutil.virtual_memory()
    space = psutil.disk_usage(str(disk))
    return Resources(
        at=datetime.now(UTC),
        cpus=psutil.cpu_count() or 1,
        cpu_percent=psutil.cpu_percent(interval=SAMPLE_S),
        memory_bytes=memory.total,
        memory_used_bytes=memory.total - memory.available,
        disk_bytes=space.total,
        disk_used_bytes=space.used,
        gpus=gpus(),
        platform=f"{platform.system()} {platform.machine()}",
    )


def gpus() -> list[Gpu]:
    """Return the GPUs that NVML tells of; none where there is no NVML."""
    with _nvml() as nvml:
        return [] if nvml is None else [_gpu(nvml, at) for at in range(nvml.nvmlDeviceGetCount())]


@contextlib.contextmanager
def _nvml() -> Iterator[Any]:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:
        # Not installed, no driver, or no permission: there is no GPU to give out.
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def _gpu(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    name = nvml.nvmlDeviceGetName(handle)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    busy = None
    with contextlib.suppress(nvml.NVMLError):
        busy = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    return Gpu(
        index=index,
        name=name.decode() if isinstance(name, bytes) else str(name),
        memory_bytes=int(memory.total),
        memory_used_bytes=int(memory.used),
        busy_percent=busy,
    )
