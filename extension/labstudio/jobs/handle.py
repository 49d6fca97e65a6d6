"""A job in the hands of who submitted it."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from labstudio.errors import Unavailable
from labstudio.jobs.models import Job, JobState, RerunJob

if TYPE_CHECKING:
    from labstudio.jobs.door import AnyStudio

POLL_FIRST_S = 0.02
POLL_MOST_S = 0.5
POLL_SHARE = 0.1
RUN_WAIT_S = 10.0


class JobHandle:
    """One job: its state, its log, its result.

    Parameters
    ----------
    studio
        The studio that has it.
    job
        The record, or the id.
    """

    def __init__(self, studio: AnyStudio, job: Job | str) -> None:
        self._studio = studio
        self.record = studio.jobs.get(job) if isinstance(job, str) else job
        self.id = self.record.id

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.record.name!r} {self.record.state}>"

    def refresh(self) -> JobHandle:
        """Read the job again."""
        self.record = self._studio.jobs.get(self.id)
        return self

    @property
    def state(self) -> JobState:
        """Where the job stands now."""
        if not self.record.state.final:
            self.refresh()
        return self.record.state

    @property
    def run_id(self) -> str | None:
        """The job's MLflow run; a new job's is waited for some seconds."""
        deadline = time.monotonic() + RUN_WAIT_S
        while self.record.run_id is None and time.monotonic() < deadline:
            self.refresh()
            if self.record.run_id is None:
                time.sleep(POLL_FIRST_S)
        return self.record.run_id

    @property
    def error(self) -> str | None:
        """Why the job did not succeed, in one sentence."""
        return self.refresh().record.error

    def wait(self, timeout_s: float | None = None) -> JobHandle:
        """Wait for the end.

        Parameters
        ----------
        timeout_s
            The longest to wait, in seconds; None for as long as it takes.

        Raises
        ------
        TimeoutError
            When the time is up; the job goes on.
        Unavailable
            When no daemon can be had to run it.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        began = checked = time.monotonic()
        while not self.state.final:
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"The job is still {self.record.state} after {timeout_s} s.")
            if time.monotonic() - checked > RUN_WAIT_S:
                checked = time.monotonic()
                daemon = self._studio.keeper.ensure()
                if daemon.state == "stopped":
                    raise Unavailable(daemon.message)
            # The end is noticed a tenth of the time late, at most.
            share = POLL_SHARE * (time.monotonic() - began)
            time.sleep(min(max(POLL_FIRST_S, share), POLL_MOST_S))
        return self

    def logs(self, *, follow: bool = False) -> str:
        """Return the log of the newest attempt.

        Parameters
        ----------
        follow
            Print it as it grows, until the job's end, and return it then.
        """
        parts: list[str] = []
        offset = attempt = 0
        while True:
            chunk = self._studio.jobs.log(self.id, offset)
            if offset and chunk.attempt != attempt:
                # A new attempt has a log of its own, and begins at its start.
                parts, offset = [], 0
                continue
            attempt = chunk.attempt
            parts.append(chunk.text)
            if follow and chunk.text:
                sys.stdout.write(chunk.text)
                sys.stdout.flush()
            grown, offset = chunk.next_offset > offset, chunk.next_offset
            if grown:
                continue
            last = self.state.final and chunk.attempt == self.record.attempt
            if not follow or (chunk.complete and last):
                return "".join(parts)
            time.sleep(0.2)

    def result(self, timeout_s: float | None = None) -> Any:
        """Wait for the end and return what the cell assigned or the function returned.

        Raises
        ------
        JobFailed
            When the job did not succeed.
        """
        self.wait(timeout_s)
        return self._studio.jobs.result(self.id)

    def stop(self) -> JobHandle:
        """End the job."""
        self.record = self._studio.jobs.stop(self.id)
        return self

    def rerun(self, **changes: Any) -> JobHandle:
        """Submit the job's own snapshot again, with changes."""
        return JobHandle(self._studio, self._studio.jobs.rerun(self.id, RerunJob(**changes)))

    def _repr_html_(self) -> str:
        from labstudio.widgets.job import html

        return html(self.refresh().record)
