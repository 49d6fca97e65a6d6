"""Running a training image: the container is the code, its layout is told in files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from labstudio.jobs.runner.late_run import await_run
from labstudio.jobs.runner.protocol import WORK
from labstudio.jobs.runner.script import follow, why

if TYPE_CHECKING:
    from labstudio.jobs.models import JobError
    from labstudio.jobs.runner.attempt import Attempt

FAILURE = "output/failure"
FAILURE_CHARACTERS = 4096


def run_image(attempt: Attempt) -> JobError | None:
    """Run the attempt's image; return why it failed, or None.

    An image says why it failed in a file, as its first lines; that is the error then.
    """
    place = attempt.place
    place.prepare()
    await_run(attempt)
    start = attempt.log_size()
    code = follow(attempt, place.start_image())
    if code == 0 or attempt.stopping:
        return None
    error = why(attempt, code, start)
    place.kill()
    told = attempt.folder / WORK / FAILURE
    if told.is_file() and not told.is_symlink():
        with told.open(errors="replace") as file:
            text = file.read(FAILURE_CHARACTERS).strip()
        if text:
            return error.model_copy(update={"type": "TrainingFailed", "message": text})
    return error
