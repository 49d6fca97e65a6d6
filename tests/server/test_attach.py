"""Kept kernels: attached to, looked at, let go again, and never ended by that."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_client.provisioning import KernelProvisionerFactory

from labstudio.errors import Conflict
from labstudio.jobs.runner import protocol
from labstudio_server.kept import prune

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Attempt, Call

pytestmark = pytest.mark.slow


BOTH = pytest.mark.parametrize("kernel", ["tcp", "ipc"], indirect=True)


@pytest.fixture
def kernel(request: Any, tmp_path: Path) -> Iterator[KernelManager]:
    """A real kernel that somebody else started, with a variable in it."""
    transport = getattr(request, "param", "tcp")
    manager = KernelManager(transport=transport)
    if transport == "ipc":
        import tempfile

        manager.ip = tempfile.mkdtemp(prefix="lk-") + "/k"
    manager.start_kernel()
    client = manager.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    client.execute_interactive("kept = 6 * 7", timeout=60)
    client.stop_channels()
    yield manager
    manager.shutdown_kernel(now=True)


def process(kernel: KernelManager) -> psutil.Process:
    assert kernel.provisioner is not None
    return psutil.Process(kernel.provisioner.pid)  # type: ignore[attr-defined]


def write_spec(folder: Path, kernel: KernelManager, **config: Any) -> KernelSpecManager:
    target = folder / "specs" / "kept"
    target.mkdir(parents=True)
    known = {
        "existing": kernel.connection_file,
        "pid": process(kernel).pid,
        "create_time": process(kernel).create_time(),
        "started": protocol.started_at(process(kernel).pid),
        "boot_id": protocol.boot_id(),
    }
    spec = {
        "argv": [],
        "display_name": "Kept",
        "language": "python",
        "metadata": {
            "kernel_provisioner": {
                "provisioner_name": "labstudio-attach",
                "config": {**known, **config},
            }
        },
    }
    (target / "kernel.json").write_text(json.dumps(spec))
    return KernelSpecManager(kernel_dirs=[str(folder / "specs")], ensure_native_kernel=False)


async def attach(specs: KernelSpecManager, folder: Path) -> AsyncKernelManager:
    manager = AsyncKernelManager(
        kernel_name="kept",
        kernel_spec_manager=specs,
        connection_file=str(folder / "own-connection.json"),
    )
    await manager.start_kernel()
    return manager


async def value_of(manager: AsyncKernelManager, expression: str) -> str:
    client = manager.client()
    client.start_channels()
    try:
        await client.wait_for_ready(timeout=60)
        reply = await client.execute_interactive(
            "", user_expressions={"it": expression}, timeout=30, store_history=False
        )
        found = reply["content"]["user_expressions"]["it"]
        return str(found["data"]["text/plain"])
    finally:
        client.stop_channels()


@BOTH
@pytest.mark.parametrize("now", [False, True])
async def test_variables_are_read_and_a_shutdown_only_lets_go(
    kernel: KernelManager, tmp_path: Path, now: bool
) -> None:
    specs = write_spec(tmp_path, kernel)
    for _ in range(2):
        manager = await attach(specs, tmp_path)
        assert await manager.is_alive()
        assert await value_of(manager, "kept") == "42"
        await asyncio.wait_for(manager.shutdown_kernel(now=now), 60)
        assert not await manager.is_alive()
        assert process(kernel).is_running()
    client = kernel.blocking_client()
    client.start_channels()
    client.wait_for_ready(timeout=60)  # its own sockets and files were left alone
    client.stop_channels()


async def test_an_interrupt_is_passed_on(kernel: KernelManager, tmp_path: Path) -> None:
    manager = await attach(write_spec(tmp_path, kernel), tmp_path)
    client = manager.client()
    client.start_channels()
    await client.wait_for_ready(timeout=60)
    client.execute("import time; print('begun', flush=True); time.sleep(600)")
    while (await client.get_iopub_msg(timeout=60))["msg_type"] != "stream":
        pass
    await manager.interrupt_kernel()
    reply = await asyncio.wait_for(client.get_shell_msg(), 60)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    client.stop_channels()
    await manager.shutdown_kernel(now=True)


async def test_a_restart_attaches_again(kernel: KernelManager, tmp_path: Path) -> None:
    manager = await attach(write_spec(tmp_path, kernel), tmp_path)
    await manager.restart_kernel()
    assert await value_of(manager, "kept") == "42"
    await manager.shutdown_kernel(now=True)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_kernel_that_has_ended_is_told(kernel: KernelManager, tmp_path: Path) -> None:
    specs = write_spec(tmp_path, kernel)
    manager = await attach(specs, tmp_path)
    process(kernel).kill()
    assert kernel.provisioner is not None
    async with asyncio.timeout(60):
        while await manager.is_alive():
            await asyncio.sleep(0.05)
    again = AsyncKernelManager(kernel_name="kept", kernel_spec_manager=specs)
    with pytest.raises(RuntimeError, match="ended"):
        await again.start_kernel()


@pytest.mark.parametrize(
    "other", [{"started": 1.0}, {"started": 0.0, "create_time": 1.0}, {"boot_id": "another"}]
)
async def test_another_process_of_the_same_number_is_not_it(
    kernel: KernelManager, tmp_path: Path, other: dict[str, Any]
) -> None:
    specs = write_spec(tmp_path, kernel, **other)
    again = AsyncKernelManager(kernel_name="kept", kernel_spec_manager=specs)
    with pytest.raises(RuntimeError, match="ended"):
        await again.start_kernel()


def set_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """What psutil reckons every start time from moves with the clock."""
    boot = psutil.boot_time()
    monkeypatch.setattr(psutil._pslinux, "boot_time", lambda: boot + 3600)  # type: ignore[attr-defined]


async def test_it_is_known_again_after_the_clock_was_set(
    kernel: KernelManager, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = write_spec(tmp_path, kernel)
    set_the_clock(monkeypatch)
    manager = await attach(specs, tmp_path)
    assert await manager.is_alive()
    await manager.shutdown_kernel(now=True)


async def test_it_ends_when_it_is_asked_to(kernel: KernelManager, tmp_path: Path) -> None:
    specs = write_spec(tmp_path, kernel, ends_with_session=True)
    manager = await attach(specs, tmp_path)
    await asyncio.wait_for(manager.shutdown_kernel(), 60)
    async with asyncio.timeout(60):
        while await kernel_lives(kernel):
            await asyncio.sleep(0.05)


async def kernel_lives(kernel: KernelManager) -> bool:
    assert kernel.provisioner is not None
    return await kernel.provisioner.poll() is None


class TestThroughTheServer:
    """A job's kept kernel, by REST and by Jupyter Server's own kernels API."""

    @pytest.fixture
    def kept(self, attempt: Attempt, kernel: KernelManager) -> Attempt:
        from datetime import timedelta

        from labstudio.jobs.models import JobState
        from labstudio.jobs.runner.protocol import RunnerInfo, Status, now, write_model

        own = process(kernel)
        write_model(
            attempt.folder / "runner.json",
            RunnerInfo(
                pid=own.pid,
                create_time=own.create_time(),
                started=protocol.started_at(own.pid),
                kernel_pid=own.pid,
                kernel_create_time=own.create_time(),
                kernel_started=protocol.started_at(own.pid),
                boot_id=protocol.boot_id(),
            ),
        )
        write_model(
            attempt.folder / "status.json",
            Status(
                updated_at=now(),
                kernel_kept_until=now() + timedelta(minutes=5),
                connection_file=kernel.connection_file,
            ),
        )
        notebook = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        (attempt.folder / "output.ipynb").write_text(json.dumps(notebook))
        attempt.end(JobState.failed)
        return attempt

    @BOTH
    async def test_attached_used_and_ended(
        self, call: Call, jp_fetch: Any, jp_serverapp: Any, kept: Attempt, kernel: KernelManager
    ) -> None:
        made = await call("POST", "jobs", kept.job_id, "kernel", request_timeout=60)
        assert made.code == 200, made.data
        kernel_id = made.data["kernel_id"]
        again = await call("POST", "jobs", kept.job_id, "kernel")
        assert again.data["kernel_id"] == kernel_id
        listed = json.loads((await jp_fetch("api", "kernels")).body)
        assert [each["id"] for each in listed] == [kernel_id]
        specs = json.loads((await jp_fetch("api", "kernelspecs")).body)["kernelspecs"]
        assert specs[made.data["name"]]["spec"]["display_name"] == "some job.py (kept kernel)"
        manager = jp_serverapp.kernel_manager.get_kernel(kernel_id)
        assert await value_of(manager, "kept") == "42"

        # Closing it in JupyterLab leaves it as it is, and it can be attached to again.
        await jp_fetch("api", "kernels", kernel_id, method="DELETE")
        assert await kernel_lives(kernel)
        second = await call("POST", "jobs", kept.job_id, "kernel", request_timeout=60)
        assert second.code == 200

        ended = await call("DELETE", "jobs", kept.job_id, "kernel", request_timeout=60)
        assert ended.code == 204
        assert not await kernel_lives(kernel)
        assert json.loads((await jp_fetch("api", "kernels")).body) == []
        specs = json.loads((await jp_fetch("api", "kernelspecs")).body)["kernelspecs"]
        assert made.data["name"] not in specs
        gone = await call("POST", "jobs", kept.job_id, "kernel")
        assert (gone.code, gone.data["code"]) == (409, "conflict")

    async def test_a_clock_that_is_set_changes_nothing(
        self, call: Call, kept: Attempt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from datetime import timedelta

        set_the_clock(monkeypatch)
        status = protocol.read_status(kept.folder)
        assert status is not None
        status.kernel_kept_until = protocol.now() - timedelta(hours=1)
        protocol.write_model(kept.folder / "status.json", status)
        made = await call("POST", "jobs", kept.job_id, "kernel", request_timeout=60)
        assert made.code == 200, made.data
        prune(kept.studio.home)
        assert (kept.studio.home.kernelspecs / made.data["name"]).exists()

    async def test_a_server_without_the_provisioner_says_so(
        self, call: Call, kept: Attempt, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def none(_factory: object, name: str) -> None:
            raise ModuleNotFoundError(name)

        known = {**KernelProvisionerFactory.provisioners}
        known.pop("labstudio-attach", None)
        monkeypatch.setattr(KernelProvisionerFactory, "provisioners", known)
        monkeypatch.setattr(KernelProvisionerFactory, "_get_provisioner", none)
        reply = await call("POST", "jobs", kept.job_id, "kernel")
        assert (reply.code, reply.data["code"]) == (503, "unavailable")
        assert "labstudio-attach" in reply.data["message"]
        assert not list(kept.studio.home.kernelspecs.glob("*"))

    async def test_a_server_that_ends_leaves_it(
        self, call: Call, jp_serverapp: Any, kept: Attempt, kernel: KernelManager
    ) -> None:
        await call("POST", "jobs", kept.job_id, "kernel", request_timeout=60)
        await jp_serverapp.cleanup_kernels()
        assert await kernel_lives(kernel)


async def test_a_job_that_kept_none(call: Call, attempt: Attempt) -> None:
    reply = await call("POST", "jobs", attempt.job_id, "kernel")
    assert (reply.code, reply.data["code"]) == (Conflict.status, "conflict")
    assert "keep_kernel_s" in reply.data["message"]


def test_the_provisioner_loads_little() -> None:
    import subprocess

    code = (
        "import jupyter_client.provisioning, psutil, sys; before = set(sys.modules);"
        "import labstudio_kernels.attach; print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        "['labstudio_kernels', 'labstudio_kernels.attach', 'labstudio_kernels.managers']"
    )
