"""Running an attempt, from its claim to its result, whatever happens between."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.errors import StudioError
from labstudio.jobs.models import JobError, JobKind
from labstudio.jobs.processes import kill_descendants
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.attempt import Attempt
from labstudio.jobs.runner.faults import RunError, Stopped
from labstudio.jobs.runner.place import PlaceLost

if TYPE_CHECKING:
    import asyncio

    from labstudio.jobs.runner.kernels import Kernel
    from labstudio.jobs.runner.protocol import Outcome


def run(
    folder: Path, *, kernel: Kernel | None = None, loop: asyncio.AbstractEventLoop | None = None
) -> int:
    """Run an attempt that this process has claimed; return the process's exit code.

    Parameters
    ----------
    folder
        The attempt's folder.
    kernel, loop
        A warm kernel, ready, and the loop of its client.
    """
    attempt = Attempt(folder, loop)
    outcome: Outcome = "failed"
    error: JobError | None = None
    lost: PlaceLost | None = None
    keep: Any = None
    try:
        attempt.begin()
        if attempt.spec.kind is JobKind.script:
            from labstudio.jobs.runner.script import run_script

            if kernel is not None:
                attempt.loop.run_until_complete(kernel.kill())
                kernel.close()
            error = run_script(attempt)
        elif attempt.spec.kind is JobKind.image:
            from labstudio.jobs.runner.image import run_image

            error = run_image(attempt)
        else:
            from labstudio.jobs.runner.notebook import NotebookJob

            job = NotebookJob(attempt, kernel)
            error = job.run()
            keep = job.keep if error is not None and attempt.stopping is None else None
        outcome = "failed" if error is not None else "succeeded"
    except Stopped:
        pass
    except PlaceLost as problem:
        lost = problem
        attempt.log.note(str(problem))
    except Exception as problem:
        error = _tell(attempt, problem)
    if attempt.stopping is not None:
        outcome, error, keep = attempt.stopping, _why_ended(attempt), None
    elif lost is not None:
        attempt.leave_place()
        attempt.lose(JobError(type="Lost", message=str(lost)))
        return 1
    _end(attempt, outcome, error, keep)
    return 0 if outcome == "succeeded" else 1


def _why_ended(attempt: Attempt) -> JobError | None:
    """Say in the log why somebody ended the attempt; return the error that it is, if it is one."""
    if attempt.stopping == "stopped":
        attempt.log.note("The job was stopped.")
    if attempt.stopping != "timeout":
        return None
    text = f"The job ran longer than its limit of {attempt.spec.timeout_s:g} s."
    attempt.log.note(text)
    return JobError(type="Timeout", message=text)


def _tell(attempt: Attempt, problem: Exception) -> JobError:
    """Say in the log what went wrong with an attempt, or with its runner."""
    if isinstance(problem, RunError):
        attempt.log.note(problem.error.message)
        return problem.error
    if isinstance(problem, StudioError):
        attempt.log.note(problem.message)
        return JobError(type=type(problem).__name__, message=problem.message)
    text = traceback.format_exc()
    attempt.log.note(f"The runner itself failed:\n{text}")
    return JobError(type=type(problem).__name__, message=str(problem), traceback=text)


def _end(attempt: Attempt, outcome: Outcome, error: JobError | None, keep: Any) -> None:
    """Write the result when nothing runs any more, but a kernel that is to be kept."""
    if attempt.work is None:
        kill_descendants()
        attempt.write_result(outcome, error)
        return
    if keep is None:
        attempt.leave_place()
    attempt.finish(outcome, error)
    if keep is not None:
        keep()
        attempt.leave_place()
    attempt.work.drop_inputs()


def main(arguments: list[str]) -> int:
    """Run the attempt of the folder named; the way without a nursery."""
    if len(arguments) != 1:
        sys.stderr.write("Usage: python -m labstudio.jobs.runner ATTEMPT_FOLDER\n")
        return 2
    folder = Path(arguments[0]).absolute()
    if not protocol.claim(folder):
        return 0
    return run(folder)
