"""Waiting for child processes in an event loop, and knowing how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

import psutil

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Awaitable

T = TypeVar("T")
POLL_S = 0.1


class Child(ABC):
    """What a runner started and waits for.

    Attributes
    ----------
    pid
        Its number; None for what is no process of this machine's.
    create_time
        When that process started, as psutil tells it.
    """

    pid: int | None = None
    create_time = 0.0

    @abstractmethod
    async def wait(self) -> int:
        """Wait until it ends; return how, as `subprocess` tells it."""

    @abstractmethod
    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to it, and to what it started where that can be."""


class ChildProcess(Child):
    """A child process, forked here or started by `subprocess`.

    Parameters
    ----------
    pid
        Its number; it leads a process group of its own.
    popen
        What started it, where that was `subprocess`: the exit status is then taken from there.
    """

    pid: int

    def __init__(self, pid: int, popen: subprocess.Popen[Any] | None = None) -> None:
        self.pid = pid
        self.create_time = _create_time(pid)
        self._popen = popen
        self._status: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, as `subprocess` tells it; None while it lives."""
        if self._popen is not None:
            return self._popen.poll()
        if self._status is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._status = -signal.SIGKILL
            else:
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)
        return self._status

    async def wait(self) -> int:
        """Wait until it ends; return how."""
        try:
            handle = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            handle = -1
        try:
            if handle >= 0 and self.poll() is None:
                await readable(handle)
            while (status := self.poll()) is None:
                await asyncio.sleep(POLL_S)
            return status
        finally:
            if handle >= 0:
                os.close(handle)

    def signal_group(self, number: signal.Signals) -> None:
        """Send a signal to its process group."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)


def _create_time(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


async def readable(handle: int) -> None:
    """Wait until something can be read from a file descriptor."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()

    def settle() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(handle, settle)
    try:
        await ready
    finally:
        loop.remove_reader(handle)


async def first(wanted: Awaitable[T], other: asyncio.Future[Any]) -> T | None:
    """Await something unless another thing happens first; None then.

    Parameters
    ----------
    wanted
        What is awaited; it is cancelled when the other comes first.
    other
        What may come first; it is left alone.
    """
    task = asyncio.ensure_future(wanted)
    try:
        await asyncio.wait({task, other}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        return None
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task
