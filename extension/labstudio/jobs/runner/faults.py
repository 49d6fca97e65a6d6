"""How an attempt ends otherwise than well, as the runner's own code says it."""

from __future__ import annotations

import signal

from labstudio.jobs.models import JobError


class RunError(Exception):
    """The attempt failed, and this is why."""

    def __init__(self, kind: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.error = JobError.model_validate({"type": kind, "message": message, **details})


class Stopped(Exception):
    """The attempt was asked to end."""


def tell_exit(status: int, what: str, *, memory_ran_out: bool = False) -> str:
    """Say in one sentence how a process ended.

    Parameters
    ----------
    status
        As `subprocess` gives it: an exit code, or minus a signal's number.
    what
        The process: "The kernel", or a script's name.
    memory_ran_out
        Whether the system said that it killed a process of this group for its memory.
    """
    if status >= 0:
        return f"{what} ended with exit code {status}."
    try:
        name = signal.Signals(-status).name
    except ValueError:
        return f"{what} was killed by signal number {-status}."
    if memory_ran_out:
        return f"{what} was killed because memory ran out (signal {name})."
    hint: dict[signal.Signals, str] = {
        signal.SIGKILL: "; nobody asked labstudio for it: most often memory ran out",
        signal.SIGSEGV: ": a crash in compiled code",
        signal.SIGBUS: ": a crash in compiled code, or a mapped file's disk is full",
        signal.SIGABRT: ": compiled code gave up",
        signal.SIGILL: ": compiled code meant for another processor",
    }
    return f"{what} was killed by signal {name}{hint.get(signal.Signals(-status), '')}."
