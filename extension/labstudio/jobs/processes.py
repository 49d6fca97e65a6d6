"""The processes of an attempt: kept together while it runs, and found again when all went wrong."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from labstudio.jobs.runner.protocol import (
    ATTEMPT_VARIABLE,
    RunnerInfo,
    boot_id,
    process_of,
    read_runner,
    started_at,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

LINUX = sys.platform.startswith("linux")
PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15
PR_SET_CHILD_SUBREAPER = 36
PROC = Path("/proc")
PLACEHOLDER = " " * 120


def _prctl(option: int, value: object) -> bool:
    if not LINUX:
        return False
    return bool(ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0)


def die_with_parent(parent: int, how: signal.Signals = signal.SIGKILL) -> None:
    """Let this process be killed when the thread that made it ends; called in the child.

    Parameters
    ----------
    parent
        The parent's pid, taken before the fork: when it is already gone this process exits.
    how
        The signal.
    """
    _prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(how))
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> bool:
    """Make this process the parent of its descendants' orphans, so that none is lost."""
    return _prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def name_process(name: str) -> None:
    """Set the name that ``ps`` and ``top`` show, of at most 15 bytes."""
    _prctl(PR_SET_NAME, ctypes.create_string_buffer(name.encode()[:15] + b"\0"))


def mark_process(marker: str) -> bool:
    """Write an attempt's mark into this process's own environment as the kernel shows it.

    ``os.environ`` of a forked process is not what ``/proc/PID/environ`` shows: that is the memory
    that the program started with. The nursery starts with a placeholder long enough, which is
    overwritten here in place. Children that are forked from here without exec carry it too.

    Parameters
    ----------
    marker
        The mark.

    Returns
    -------
    bool
        False where this process was not started with a placeholder.
    """
    if not LINUX:
        return False
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_void_p
    address = getenv(ATTEMPT_VARIABLE.encode())
    value = marker.encode()
    if not address or len(value) > len(PLACEHOLDER):
        return False
    if ctypes.string_at(address).rstrip(b" ") != b"":
        return False
    ctypes.memmove(address, value.ljust(len(PLACEHOLDER), b"\0"), len(PLACEHOLDER))
    return True


def descendants(pid: int) -> list[psutil.Process]:
    """Return the living processes below one, however deep; empty when it is gone."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def reap_orphans(except_pids: Iterable[int]) -> None:
    """Take the exit of adopted processes that ended, so that none stays a zombie.

    Parameters
    ----------
    except_pids
        Children whose exit somebody else waits for.
    """
    kept = set(except_pids)
    try:
        children = psutil.Process().children()
    except psutil.NoSuchProcess:
        return
    for child in children:
        with contextlib.suppress(psutil.NoSuchProcess, ChildProcessError):
            if child.pid not in kept and child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)


def marked(marker: str) -> list[psutil.Process]:
    """Return the processes whose environment holds ``LABSTUDIO_ATTEMPT=<marker>``."""
    wanted = f"{ATTEMPT_VARIABLE}={marker}".encode()
    found = []
    for process in psutil.process_iter():
        try:
            if LINUX:
                held = wanted in (PROC / str(process.pid) / "environ").read_bytes().split(b"\0")
            else:
                held = process.environ().get(ATTEMPT_VARIABLE) == marker
        except (OSError, psutil.Error):
            continue
        if held:
            found.append(process)
    return found


def _session(leader: int, create_time: float, started: float | None) -> list[psutil.Process]:
    """Return what is left of the session that a process led, whether it still lives or not.

    A number is not used again while a session carries it; when its process is another one by now,
    the session was over.
    """
    if psutil.pid_exists(leader) and not _same(leader, create_time, started):
        return []
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and _not_before(process, create_time, started):
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found


def _same(pid: int, create_time: float, started: float | None) -> bool:
    if started is not None:
        return started_at(pid) in (started, None)
    try:
        return abs(psutil.Process(pid).create_time() - create_time) <= 0.05
    except psutil.NoSuchProcess:
        return True


def _not_before(process: psutil.Process, create_time: float, started: float | None) -> bool:
    if started is not None:
        return (started_at(process.pid) or 0.0) >= started
    return bool(process.create_time() >= create_time - 0.05)


def kill_all(processes: Iterable[psutil.Process], *, timeout_s: float = 2.0) -> list[int]:
    """Kill processes and wait until they are gone.

    psutil checks the start time before it sends a signal, so a number used again is not hit.
    """
    killed = []
    own = os.getpid()
    for process in processes:
        if process.pid == own:
            continue
        with contextlib.suppress(psutil.Error):
            if process.status() != psutil.STATUS_ZOMBIE:
                process.kill()
                killed.append(process)
    psutil.wait_procs(killed, timeout=timeout_s)
    return [process.pid for process in killed]


def kill_descendants(*, rounds: int = 5) -> list[int]:
    """Kill everything below this process; again until nothing new was forked meanwhile."""
    killed: list[int] = []
    for _ in range(rounds):
        fresh = kill_all(descendants(os.getpid()), timeout_s=0.5)
        if not fresh:
            break
        killed += fresh
    return killed


def kill_attempt(folder: Path) -> list[int]:
    """Kill every process of an attempt, whatever is left of it; return their pids.

    Found are the processes on record, what is below them, their sessions, and every process that
    carries the attempt's mark in its environment. Nothing of another attempt is hit: a process on
    record counts only with its start time, and none that was recorded before a reboot.

    Parameters
    ----------
    folder
        The attempt's folder.
    """
    info = read_runner(folder)
    marker = info.marker if info and info.marker else _marker_of(folder)
    killed: list[int] = []
    for _ in range(5):
        fresh = kill_all(_processes_of(info, marker))
        if not fresh:
            break
        killed += fresh
    return killed


def _marker_of(folder: Path) -> str:
    """Return the mark that a folder's place tells: ``jobs/<job_id>/attempts/<n>``."""
    return f"{folder.parent.parent.name}/{folder.name}"


def _processes_of(info: RunnerInfo | None, marker: str) -> list[psutil.Process]:
    found = {process.pid: process for process in marked(marker)}
    if info is not None and info.boot_id in (None, boot_id()):
        for pid, create_time, started in (
            (info.pid, info.create_time, info.started),
            (info.kernel_pid, info.kernel_create_time, info.kernel_started),
        ):
            root = process_of(pid, create_time, started)
            if root is not None:
                found[root.pid] = root
                found.update((process.pid, process) for process in descendants(root.pid))
            if pid is not None and create_time is not None:
                found.update((each.pid, each) for each in _session(pid, create_time, started))
    # A process that asks for the killing from within the attempt (a test, a shell) stays.
    found.pop(os.getpid(), None)
    # The runner first: it must not see its kernel die and write a result about it.
    order = sorted(found, key=lambda pid: info is None or pid != info.pid)
    return [found[pid] for pid in order]
