"""An MLflow run that is made a little later than its attempt begins.

MLflow's server takes many seconds to start. Python notebooks do not wait for it: their kernel does,
when the code first imports what logs to MLflow (see `kernel_helper`). Scripts, and kernels of other
languages, have nobody inside who could wait for them, so they are started when the run is there.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from labstudio.jobs.runner import protocol

if TYPE_CHECKING:
    from labstudio.jobs.runner.attempt import Attempt

RUN_WAIT_S = 60.0
"""A job is never held up for good by tracking: after this it goes on without a run."""
TOLD_AFTER_S = 2.0
LOOK_EVERY_S = 0.05
WAITING = "Waiting for the tracking server, which is starting."
NO_RUN = (
    "The tracking server does not answer: this attempt has no MLflow run, and what its code logs "
    "to MLflow does not reach the studio."
)


def await_run(attempt: Attempt) -> None:
    """Wait for the attempt's run, where it has none yet; the time limit does not count meanwhile.

    Raises
    ------
    Stopped
        When the attempt is asked to end first.
    """
    asked = attempt.spec.tracking
    if asked is None or asked.run_id is not None:
        return
    with attempt.clock_stopped():
        found = attempt.until_stop(_told(attempt))
    if found is None or found.run_id is None:
        attempt.log.note(NO_RUN)
        found = None
    attempt.spec.tracking = found


async def _told(attempt: Attempt) -> protocol.Tracking | None:
    began, said = monotonic(), False
    while (found := protocol.read_tracking(attempt.folder)) is None:
        waited = monotonic() - began
        if waited > RUN_WAIT_S:
            return None
        if waited > TOLD_AFTER_S and not said:
            said = True
            attempt.log.note(WAITING)
        await asyncio.sleep(LOOK_EVERY_S)
    return found
