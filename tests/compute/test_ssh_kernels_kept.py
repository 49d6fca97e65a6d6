"""Kernels over SSH as a notebook has them: through provisioner and keeper."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
from kernel_talk import COUNT, counted
from kernels_at import (
    Jupyter,
    check_cells,
    check_comms,
    check_interrupt,
    check_outputs,
    check_restart,
    check_studio,
    end_all,
    keeper,
    until,
)
from ssh_host import SshHost

from labstudio._studio import Studio
from labstudio.home import Home
from labstudio.kernels import control
from labstudio_kernels import provisioner

pytestmark = pytest.mark.slow


@pytest.fixture
def jupyter(home: Home, ssh_host: SshHost, tmp_path: Path) -> Iterator[Jupyter]:
    """A home with a host's kernels among its kernelspecs."""
    yield lay(home, ssh_host, tmp_path)
    end_all(home)
    provisioner.keepers().close()


def lay(home: Home, ssh_host: SshHost, tmp_path: Path) -> Jupyter:
    ssh_host.name_in(home)
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    return Jupyter(home, notebooks)


def test_a_notebook_there_works_as_one_here(jupyter: Jupyter):
    async def work() -> None:
        async with jupyter.session("gpu-box") as session:
            await check_cells(session)
            await check_outputs(session)
            await check_comms(session)
            await check_interrupt(session)
            await session.run("open('made.txt', 'w').write('there')")
            await until(lambda: (jupyter.notebooks / "made.txt").exists())
            await check_restart(session)
            os.kill(killed := keeper(session.folder), signal.SIGKILL)
            await until(lambda: keeper(session.folder) != killed)
            # Sent at once: its output waits until the client hears again.
            assert (await session.run("3 + 3")).text == "6"

    asyncio.run(work())


def test_a_minute_without_the_host_loses_nothing(jupyter: Jupyter, ssh_host: SshHost):
    async def work() -> None:
        async with jupyter.session("gpu-box") as session:
            lines = 660
            cell = asyncio.create_task(session.run(COUNT.format(n=lines, s=0.1), timeout_s=150))
            await asyncio.sleep(1)
            with ssh_host.away():
                await asyncio.sleep(60)
                told = await session.ask("status")
                assert told["state"] == "unreachable"
                assert "gpu-box is out of reach since" in told["message"]
            healed = time.monotonic()
            await until(lambda: control.ask(session.folder, "status")["state"] != "unreachable")
            assert time.monotonic() - healed < 10
            assert (await cell).text == counted(lines)
            assert (await session.run("i")).text == str(lines - 1)

    asyncio.run(work())


def sessions(host: SshHost) -> list[psutil.Process]:
    """The connections that its sshd serves."""
    return psutil.Process(host.process.pid).children()


def test_the_next_kernel_finds_a_keeper_that_is_in_touch_or_gets_in_touch_anew(
    jupyter: Jupyter, ssh_host: SshHost
):
    def spare(used: int) -> psutil.Process | None:
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.ZombieProcess):  # a keeper that ended
                known = process.cmdline()[-3:] == ["--spare", str(jupyter.home.path), "gpu-box"]
                if known and process.pid != used:
                    return process
        return None

    async def work() -> None:
        async with jupyter.session("gpu-box") as session:
            assert (await session.run("6 * 7")).text == "42"
            first = sessions(ssh_host)
            waiting = await until(lambda: spare(keeper(session.folder)))
        (dead,) = await until(lambda: [each for each in sessions(ssh_host) if each not in first])
        # It is there, and says nothing any more.
        for process in (dead, *dead.children(recursive=True)):
            process.suspend()
        async with jupyter.session("gpu-box") as session:
            assert keeper(session.folder) == waiting.pid
            assert (await session.run("6 * 7")).text == "42"
            waiting = await until(lambda: spare(keeper(session.folder)))
        provisioner.keepers().close()
        assert not waiting.is_running()
        dead.kill()
        await until(lambda: not sessions(ssh_host))

    asyncio.run(work())


GROUPS = Path("/sys/fs/cgroup/memory")


@pytest.fixture
def small_host(own_ssh_host: SshHost) -> Iterator[SshHost]:
    """A host of 500 MB: its sshd, and all that it starts, stand in one control group."""
    if not (GROUPS / "memory.limit_in_bytes").exists() or not os.access(GROUPS, os.W_OK):
        pytest.skip("no control group with a limit of memory can be made here")
    group = GROUPS / f"labstudio-{os.getpid()}"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(500 << 20))
    (group / "cgroup.procs").write_text(str(own_ssh_host.process.pid))
    yield own_ssh_host
    for pid in (group / "cgroup.procs").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            (GROUPS / "cgroup.procs").write_text(pid)
    group.rmdir()


def test_a_kernel_that_takes_all_memory_of_its_host_says_so(
    home: Home, small_host: SshHost, tmp_path: Path
):
    jupyter = lay(home, small_host, tmp_path)

    async def work() -> None:
        async with jupyter.session("gpu-box") as session:
            done = await session.run("held = bytearray(b'x') * (1 << 30)")
            sentence = "The kernel was killed: gpu-box ran out of memory."
            assert (done.status, done.reply["evalue"]) == ("error", sentence)
            assert sentence in done.text
            await session.manager.restart_kernel()
            await session.reconnect()
            assert (await session.run("6 * 7")).text == "42"

    asyncio.run(work())
    provisioner.keepers().close()


ASK = "import labstudio\n[job.name for job in labstudio.studio().jobs.list().items]"


def test_a_kernel_there_speaks_to_the_studio_here(
    serving: Callable[..., AbstractContextManager[Studio]], ssh_host: SshHost, tmp_path: Path
):
    """Over the link, and over the next one, too."""
    with serving() as studio:
        jupyter = lay(studio.home, ssh_host, tmp_path)

        async def work() -> None:
            async with jupyter.session("gpu-box") as session:
                assert (await session.run(ASK)).text == "[]"
                ssh_host.reboot()
                await until(lambda: control.ask(session.folder, "status")["state"] == "idle")
                assert (await session.run(ASK)).text == "[]"
                await check_studio(session)
                shown = await session.run("import os; sorted(os.environ)")
                assert "LABSTUDIO_TOKEN" in shown.text
                assert "'LABSTUDIO_HOME'" not in shown.text

        asyncio.run(work())
