"""What the nursery forks: a runner, and with it, beforehand, a kernel that waits for its job."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from labstudio.jobs.processes import name_process
from labstudio.jobs.runner import helper
from labstudio.jobs.runner.children import first, readable
from labstudio.jobs.runner.forked import fork_kernel
from labstudio.jobs.runner.protocol import claim
from labstudio.jobs.runner.running import run

if TYPE_CHECKING:
    import socket

    from labstudio.jobs.runner.kernels import Kernel

START_TIMEOUT_S = 60.0
CLAIMED = b"claimed"


def detach() -> bool:
    """Fork a process that belongs to nobody; True in that process, False in the one that goes on.

    It leads a session of its own, and its parent is the system's first process (or whichever
    adopts orphans), so that neither a signal to the nursery's group nor its end reaches it.
    """
    between = os.fork()
    if between:
        os.waitpid(between, 0)
        return False
    if os.fork():
        os._exit(0)
    os.setsid()
    return True


def become_runner(folder: Path) -> NoReturn:
    """Run an attempt in this process, which was forked for it."""
    _settle_down()
    code = 1
    try:
        code = run(folder) if claim(folder) else 0
    finally:
        os._exit(code)


def become_pair(channel: socket.socket, sockets: Path) -> NoReturn:
    """Fork a kernel, wait until it is ready, wait for an attempt, run it.

    Parameters
    ----------
    channel
        Where readiness is told and the attempt's folder comes; its end is the nursery's end.
    sockets
        The folder of kernels' connection files.
    """
    _settle_down()
    code = 1
    try:
        name_process("labstudio-warm")
        code = _wait_and_run(channel, sockets)
    finally:
        os._exit(code)


def _settle_down() -> None:
    gc.enable()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.set_wakeup_fd(-1)


def _wait_and_run(channel: socket.socket, sockets: Path) -> int:
    # The kernel comes first: it is forked while there is one thread and no socket.
    kernel = fork_kernel(sockets)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    folder = loop.run_until_complete(_wait(kernel, channel))
    if folder is None:
        loop.run_until_complete(kernel.kill())
        kernel.close()
        return 0
    if not claim(folder):
        _tell(channel)
        loop.run_until_complete(kernel.kill())
        kernel.close()
        return 0
    _tell(channel)
    return run(folder, kernel=kernel, loop=loop)


def _tell(channel: socket.socket) -> None:
    with contextlib.suppress(OSError):
        channel.send(CLAIMED)
    channel.close()


async def _wait(kernel: Kernel, channel: socket.socket) -> Path | None:
    """Return the attempt's folder; None when the nursery or the kernel ended first."""
    assert kernel.child is not None
    if not await kernel.connect(START_TIMEOUT_S):
        return None
    if await kernel.evaluate(helper.install()) is None:
        return None
    pids = [os.getpid(), kernel.child.pid]
    with contextlib.suppress(OSError):
        channel.send(json.dumps({"pids": pids}).encode())
    gc.collect()
    ready = asyncio.ensure_future(readable(channel.fileno()))
    await first(ready, kernel.dead)
    if kernel.dead.done():
        return None
    message = channel.recv(65536)
    return Path(os.fsdecode(message)) if message else None
