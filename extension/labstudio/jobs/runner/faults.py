"""How an attempt ends otherwise than well, as the runner's own code says it."""

from __future__ import annotations

import signal

from labstudio.jobs.models import JobError

SIGNALLED = 128
"""Shells add to this the number of the signal that ended what they ran, as their exit code."""
NO_MEMORY = "because memory ran out"
HINTS = {
    signal.SIGKILL: "; nobody asked labstudio for it: most often memory ran out",
    signal.SIGSEGV: ": a crash in compiled code",
    signal.SIGBUS: ": a crash in compiled code, or a mapped file's disk is full",
    signal.SIGABRT: ": compiled code gave up",
    signal.SIGILL: ": compiled code meant for another processor",
}


class RunError(Exception):
    """The attempt failed, and this is why."""

    def __init__(self, kind: str, message: str, **details: object) -> None:
        super().__init__(message)
        self.error = JobError.model_validate({"type": kind, "message": message, **details})


class Stopped(Exception):
    """The attempt was asked to end."""


def tell_exit(status: int, what: str, *, memory_ran_out: bool | None = None) -> str:
    """Say in one sentence how a process ended.

    Parameters
    ----------
    status
        As `subprocess` gives it: an exit code, or minus a signal's number.
    what
        The process: "The kernel", or a script's name.
    memory_ran_out
        Whether the system said that it killed a process of this group for its memory; None where
        that cannot be known.
    """
    if status < 0:
        return f"{what} was {_killed(-status, memory_ran_out=memory_ran_out)}."
    text = f"{what} ended with exit code {status}"
    if status - SIGNALLED in set(signal.Signals):
        how = _killed(status - SIGNALLED, memory_ran_out=memory_ran_out)
        return f"{text}: something that it ran was {how}."
    if memory_ran_out:
        return f"{text}; the system killed a process meanwhile {NO_MEMORY}."
    return f"{text}."


def _killed(number: int, *, memory_ran_out: bool | None) -> str:
    try:
        by = signal.Signals(number)
    except ValueError:
        return f"killed by signal number {number}"
    if memory_ran_out and by is signal.SIGKILL:
        return f"killed {NO_MEMORY} (signal {by.name})"
    if memory_ran_out is False and by is signal.SIGKILL:
        return f"killed by signal {by.name}; memory did not run out"
    return f"killed by signal {by.name}{HINTS.get(by, '')}"
