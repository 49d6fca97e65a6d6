"""Why Ray was told to stop a job: somebody stops it, or its compute is taken away.

Ray knows one way to end a job, SIGTERM to its driver. So the driver asks the studio, which knows.
The studio sees that it can be asked before it gives notice; where nobody answers it is a stop.
"""

from __future__ import annotations

import json
from math import ceil
from time import monotonic
from typing import TYPE_CHECKING

from labstudio.errors import StudioError
from labstudio.gateway.client import API, Client
from labstudio.jobs.runner import protocol

if TYPE_CHECKING:
    from pathlib import Path

# A stop is done in five seconds, whether the studio answers or not.
ANSWER_S = 2.0
AGAIN_S = 0.5
LOOK_S = 0.3
STOP_WAIT_S = 6
# After a grace period, for checkpoints come through the log.
NOTICE_WAIT_S = 60


class Stopping:
    """One attempt's end from outside, passed on to its runner.

    Parameters
    ----------
    folder
        The attempt's folder on this node.
    spec
        The attempt, with the way to the studio that there is from here.
    stop_s
        How long the runner may take to end, beside its grace period.
    """

    def __init__(self, folder: Path, spec: protocol.AttemptSpec, stop_s: float) -> None:
        self._folder = folder
        self._spec = spec
        self._stop_s = stop_s
        self._outcome: protocol.Outcome | None = None
        self._since = 0.0
        self._asked_at = 0.0
        self._passed = False

    def press(self) -> protocol.Outcome | None:
        """Have the runner end; called until it has. Return how it ends where it is overdue."""
        if (outcome := self._why()) != self._outcome:
            self._outcome, self._since, self._passed = outcome, monotonic(), False
        if protocol.forestall(self._folder, outcome):
            return None
        ask = protocol.request_stop if outcome == "stopped" else protocol.request_preemption
        self._passed = self._passed or ask(self._folder)
        grace_s = self._spec.grace_s if outcome == "preempted" else 0.0
        return outcome if monotonic() - self._since > grace_s + self._stop_s else None

    def _why(self) -> protocol.Outcome:
        """Say what the attempt is told; who stops it in its grace period means at once."""
        if self._outcome == "stopped" or not self._spec.preemptible or self._spec.gateway is None:
            return "stopped"
        if self._outcome is not None and monotonic() - self._asked_at < AGAIN_S:
            return self._outcome
        self._asked_at = monotonic()
        url, token = self._spec.gateway.url, self._spec.gateway.token
        assert url is not None
        try:
            path = f"jobs/{self._spec.job_id}"
            job = json.loads(Client(url, token).send("GET", path, timeout_s=ANSWER_S) or b"{}")
        except StudioError as error:
            # What is a notice stays one.
            return self._outcome or self._not_told(error)
        return "stopped" if job["stop_requested"] else "preempted"

    def _not_told(self, error: StudioError) -> protocol.Outcome:
        """Take it for a stop, and say so."""
        with (self._folder / protocol.LOG).open("a") as log:
            log.write(f"[labstudio] It may have had a grace period: {error.message}\n")
        return "stopped"


def answers(gateway: Path | None) -> bool:
    """Say whether the studio's gateway answers; who asks has it started where it was not needed."""
    import httpx

    if gateway is None:
        return True
    transport = httpx.HTTPTransport(uds=str(gateway))
    with httpx.Client(transport=transport, timeout=LOOK_S) as client:
        try:
            client.get(f"http://studio{API}jobs")
        except httpx.TransportError:
            return False
    return True


def stop_wait_s(spec: protocol.AttemptSpec) -> int:
    """Return how long Ray waits for the driver to end, before it kills it."""
    return ceil(spec.grace_s) + NOTICE_WAIT_S if spec.preemptible else STOP_WAIT_S
