"""What samples say of GPUs, with a library that stands for NVIDIA's: there is no device in CI."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from labstudio.jobs.runner.sampling import Gpus


class NVMLError(Exception):
    pass


class Nvml:
    """Two devices as `pynvml` shows them; the processes of each by pid, with their memory."""

    NVMLError = NVMLError

    def __init__(self, *devices: tuple[int | None, dict[int, int | None]]) -> None:
        self.devices = devices

    def nvmlInit(self) -> None:
        if not self.devices:
            raise NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self) -> int:
        return len(self.devices)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        return self.devices[index]

    def nvmlDeviceGetUtilizationRates(self, handle: Any) -> Any:
        if handle[0] is None:
            raise NVMLError("Not Supported")
        return SimpleNamespace(gpu=handle[0])

    def nvmlDeviceGetComputeRunningProcesses(self, handle: Any) -> list[Any]:
        return [SimpleNamespace(pid=pid, usedGpuMemory=used) for pid, used in handle[1].items()]


def test_devices_are_added_up_and_only_the_jobs_memory_counts() -> None:
    gpus = Gpus(Nvml((40, {10: 300, 11: None, 99: 5000}), (75, {12: 200})))
    assert gpus.measure({10, 11, 12}) == {"gpu_percent": 115, "gpu_memory_bytes": 500}
    assert gpus.measure(set()) == {"gpu_percent": 115, "gpu_memory_bytes": 0}


def test_a_device_that_does_not_tell_its_use_still_tells_its_memory() -> None:
    gpus = Gpus(Nvml((None, {10: 300}), (75, {10: 200})))
    assert gpus.measure({10}) == {"gpu_percent": 75, "gpu_memory_bytes": 500}


@pytest.mark.parametrize("nvml", [None, Nvml()])
def test_without_a_device_nothing_is_said(nvml: Any) -> None:
    assert Gpus(nvml).measure({10}) == {}
