"""Beside the runner: its own children are the code."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import psutil

from labstudio.compute.host.memory import MemoryKills
from labstudio.jobs.processes import descendants, die_with_parent, kill_descendants
from labstudio.jobs.runner.children import ChildProcess
from labstudio.jobs.runner.faults import RunError
from labstudio.jobs.runner.place import Place
from labstudio.jobs.runner.protocol import kernel_folder
from labstudio.jobs.runner.surroundings import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jupyter_client.kernelspec import KernelSpec

    from labstudio.jobs.runner.attempt import Attempt
    from labstudio.jobs.runner.children import Child
    from labstudio.jobs.runner.kernels import Kernel


class Here(Place):
    """The runner's machine, with its Python or the one that the job asked for."""

    def __init__(self, attempt: Attempt) -> None:
        super().__init__(attempt)
        self.python = sys.executable
        self._memory_kills = MemoryKills()
        self._ended: list[psutil.Process] = []

    @property
    def own_python(self) -> bool:
        """Whether the job asked for an interpreter, and has it."""
        asked = self.attempt.spec.environment
        return bool(asked.requirements or asked.python)

    def prepare(self) -> None:
        """Have the interpreter that the job asked for."""
        if self.own_python:
            from labstudio.jobs.runner.interpreter import prepare

            self.python = prepare(self.attempt)

    def command(self, entry: str) -> list[str]:
        """Return how a script is run with what is installed here."""
        from labstudio.jobs.runner.script import command

        return command(entry, self.python)

    def kernel_spec(self, name: str, language: str | None) -> tuple[str, KernelSpec]:
        """Return the kernel that is installed here, or the one of the job's own interpreter."""
        from labstudio.jobs.runner import kernels

        if not self.own_python:
            return name, kernels.find_spec(name)
        installed = kernels.language_of(name)
        if installed is not None and installed.lower() != "python":
            raise RunError(
                "WrongEnvironment",
                "The environment's requirements are Python packages; "
                f"the kernel {name!r} runs {installed}.",
            )
        self.prepare()
        return kernels.DEFAULT, kernels.python_spec(self.python)

    def variables(self) -> dict[str, str]:
        """Return this process's variables, and the job's."""
        return environment(self.attempt.spec, self.python)

    def start(self, command: list[str], variables: Mapping[str, str]) -> Child:
        """Start a process that ends with this one."""
        attempt, parent = self.attempt, os.getpid()
        try:
            process = subprocess.Popen(
                command,
                cwd=attempt.cwd,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=attempt.log.handle,
                stderr=attempt.log.handle,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent),
            )
        except OSError as error:
            text = f"{attempt.spec.entry} cannot be started: {error}."
            raise RunError("CannotStart", text) from error
        return ChildProcess(process.pid, process)

    def start_kernel(self, name: str, spec: KernelSpec, variables: Mapping[str, str]) -> Kernel:
        """Start a kernel through its spec."""
        from labstudio.jobs.runner import kernels

        attempt = self.attempt
        return attempt.until_stop(
            kernels.start(
                spec,
                name=name,
                folder=kernel_folder(attempt.home),
                cwd=attempt.cwd,
                environment=variables,
                log=attempt.log.handle,
            )
        )

    def memory_ran_out(self) -> bool | None:
        """Say whether the system killed something; that it says nothing means little."""
        return self._memory_kills.happened() or None

    def terminate(self) -> None:
        """Send SIGTERM to everything below this process."""
        self._ended = descendants(os.getpid())
        for process in self._ended:
            with contextlib.suppress(psutil.Error):
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGCONT)

    def alive(self) -> bool:
        """Say whether one of those lives."""
        return any(_lives(process) for process in self._ended)

    def kill(self) -> None:
        """Kill everything below this process."""
        kill_descendants()


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
