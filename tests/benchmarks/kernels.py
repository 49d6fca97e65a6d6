"""Kernels on computes against a local kernel: from the click to the first answer."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager

from labstudio.compute.conformance_place import eventually, place
from labstudio.home import Home
from labstudio.kernels import specs
from tests.benchmarks.measure import Result, compare

sys.path.insert(0, str(Path(__file__).parents[1] / "compute"))
import docker_engine as docker_tests
import ssh_host as ssh_tests

ROUNDS = 5


def in_containers() -> Result | None:
    """A kernel in a container; None where there is no Docker Engine to be had."""
    if (reason := docker_tests.lacking()) is not None:
        print(f"docker_kernel: left out, {reason}")
        return None
    with engine() as made, place(docker_tests.entry(made, cpus=8.0)) as there:
        return first_answer("docker_kernel", there.studio.home, there.name, "a container")


def over_ssh() -> Result | None:
    """A kernel on a host; None where no sshd is to be had."""
    if (reason := ssh_tests.missing()) is not None:
        print(f"ssh_kernel: left out, {reason}")
        return None
    with (
        ssh_tests.ssh_server() as host,
        place(host.settings(python=sys.executable, cpus=8.0)) as there,
    ):
        return first_answer("ssh_kernel", there.studio.home, there.name, "a host over SSH")


@contextmanager
def engine() -> Iterator[Any]:
    """A Docker Engine of one's own, with the image of the tests."""
    fixture = docker_tests.docker_engine.__wrapped__()
    yield next(fixture)
    fixture.close()


def first_answer(name: str, home: Home, compute: str, what: str) -> Result:
    """Measure the kernel of a compute that the daemon has laid, after its first use."""
    spec = specs.spec_name(compute, "python3")
    eventually((home.kernelspecs / spec / "kernel.json").exists, "No kernelspec is laid.")
    ours = KernelSpecManager(kernel_dirs=[str(home.kernelspecs)], ensure_native_kernel=False)
    with tempfile.TemporaryDirectory() as folder:
        notebooks = Path(folder)
        notebooks.chmod(0o755)
        return compare(
            name,
            f"From choosing a kernel in {what} to its first answer",
            "Jupyter's own kernel of this machine",
            ours=lambda: asyncio.run(answered(notebooks, spec, ours)),
            theirs=lambda: asyncio.run(answered(notebooks, "python3", KernelSpecManager())),
            bound=1.5,
            rounds=ROUNDS,
        )


async def answered(notebooks: Path, kernel: str, found: KernelSpecManager) -> float:
    """Start a kernel, run a cell, end it; return the seconds until the cell's answer."""
    began = time.perf_counter()
    manager = AsyncKernelManager(kernel_name=kernel, kernel_spec_manager=found)
    session = {**os.environ, "JPY_SESSION_NAME": str(notebooks / "n.ipynb")}
    await manager.start_kernel(cwd=str(notebooks), env=session)
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=120)
    await client.execute_interactive("6 * 7", timeout=60, output_hook=lambda _message: None)
    took = time.perf_counter() - began
    client.stop_channels()
    await manager.shutdown_kernel()
    # What is made ready for the next kernel is not measured, and not in the other's way.
    await asyncio.sleep(11)
    return took


if __name__ == "__main__":
    in_containers()
    over_ssh()
