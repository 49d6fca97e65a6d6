"""Kernels forked from this process, and which jobs they suit."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.jobs.runner.children import ChildProcess
from labstudio.jobs.runner.kernels import Kernel, new_connection

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_client.kernelspec import KernelSpec

    from labstudio.jobs.runner.protocol import AttemptSpec

READ_AT_START = ("PYTHON", "LD_", "DYLD_", "MALLOC_", "GLIBC_", "LC_", "LANG", "IPYTHON", "JUPYTER")
"""Variables that a process reads once, when it starts: a fork would not see them."""
HARMLESS = frozenset({"PYTHONUNBUFFERED"})


def fork_kernel(
    folder: Path,
    log: int | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    marker: str = "",
) -> Kernel:
    """Fork a Python kernel; only while this process has one thread, no loop and no socket open.

    Parameters
    ----------
    folder
        Where its connection file goes.
    log
        Where its standard streams go: the attempt's log, or nowhere for a warm kernel.
    environment, cwd, marker
        The job's; left out for a warm kernel, whose job is not known yet.
    """
    from labstudio.jobs.runner.kernel_process import run_forked

    connection = new_connection(folder)
    target = os.open(os.devnull, os.O_WRONLY) if log is None else os.dup(log)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        gc.enable()
        setup = None if cwd is None else {"folder": str(cwd), "marker": marker}
        run_forked(connection, target, parent=parent, setup=setup, environment=environment)
    os.close(target)
    kernel = Kernel(connection, ChildProcess(pid))
    kernel.warm = cwd is None
    return kernel


def same_interpreter(spec: KernelSpec) -> bool:
    """Say whether a kernelspec means this very interpreter with nothing special about it."""
    argv = spec.argv
    plain = ["-m", "ipykernel_launcher", "-f", "{connection_file}"]
    rest = [each for each in argv[1:] if each != "-Xfrozen_modules=off"]
    return (
        bool(argv)
        and (argv[0] in ("python", "python3") or Path(argv[0]) == Path(sys.executable))
        and rest == plain
        and not spec.env
        and "kernel_provisioner" not in spec.metadata
    )


def suits(attempt: AttemptSpec, spec: KernelSpec) -> bool:
    """Say whether a forked kernel is as good for a job as one started anew."""
    special = [
        name for name in attempt.env if name.startswith(READ_AT_START) and name not in HARMLESS
    ]
    return (
        attempt.place is None
        and not attempt.environment.requirements
        and attempt.environment.python in (None, sys.executable)
        and not special
        and same_interpreter(spec)
    )
