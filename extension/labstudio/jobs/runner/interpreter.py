"""The Python that a job asked for: named, or built from its requirements."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from labstudio.jobs import environments
from labstudio.jobs.models import JobKind

if TYPE_CHECKING:
    from labstudio.jobs.runner.attempt import Attempt


def prepare(attempt: Attempt) -> str:
    """Return the interpreter to run with, building its environment where there is none yet.

    What the resolver prints goes to the log.

    Raises
    ------
    RunError, StudioError
        When it cannot be had.
    Stopped
        When the attempt is asked to end meanwhile.
    """
    asked = attempt.spec.environment
    if not asked.requirements:
        needs = None if attempt.spec.kind is JobKind.script else "ipykernel"
        return environments.check_interpreter(asked.python, needs)
    attempt.status.phase("environment", "Preparing the environment")
    given_up = threading.Event()

    async def build() -> str:
        try:
            return await asyncio.to_thread(
                environments.ensure,
                attempt.home,
                asked.requirements,
                python=asked.python,
                log=attempt.log.write,
                note=attempt.log.note,
                given_up=given_up,
            )
        except asyncio.CancelledError:
            given_up.set()
            raise

    return attempt.until_stop(build())
