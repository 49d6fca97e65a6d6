"""Running a script: Python, shell or R, its output straight in the log.

Parameters reach it twice: as JSON in the variable ``LABSTUDIO_PARAMETERS``, and as arguments
``--name value`` in the order given. A string stands as it is; other values stand as JSON
(``--depth 3 --verbose true --layers "[64, 32]"``).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.jobs.models import JobError
from labstudio.jobs.runner.faults import SIGNALLED, RunError, tell_exit
from labstudio.jobs.runner.late_run import await_run
from labstudio.jobs.runner.protocol import WORK

if TYPE_CHECKING:
    from labstudio.jobs.runner.attempt import Attempt
    from labstudio.jobs.runner.children import Child

TAIL_BYTES = 64 * 1024
TRACE_HEAD = "Traceback (most recent call last):"
RAISED = re.compile(r"^(?P<type>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$", re.DOTALL)


def arguments(parameters: dict[str, object]) -> list[str]:
    """Return parameters as ``--name value``."""
    found = []
    for name, value in parameters.items():
        found += [f"--{name}", value if isinstance(value, str) else json.dumps(value)]
    return found


def command(entry: str, python: str) -> list[str]:
    """Return how a script is run.

    Raises
    ------
    RunError
        When nothing here runs it.
    """
    # "./" keeps a name that begins with "-" from being an option.
    path = f"./{Path(entry).name}"
    match Path(entry).suffix.lower():
        case ".py":
            return [python, path]
        case ".sh" | ".bash":
            shell = shutil.which("bash") or shutil.which("sh")
            if shell is None:
                raise RunError("NoInterpreter", f"{entry} needs a shell, and there is none here.")
            return [shell, path]
        case ".r":
            rscript = shutil.which("Rscript")
            if rscript is None:
                raise RunError(
                    "NoInterpreter",
                    f"{entry} needs R, and no Rscript is found on the PATH: install r-base-core.",
                )
            return [rscript, path]
    raise RunError("NoInterpreter", f"{entry} is no script that is known: .py, .sh or .R.")


def run_script(attempt: Attempt) -> JobError | None:
    """Run the attempt's script; return why it failed, or None."""
    spec, place = attempt.spec, attempt.place
    place.prepare()
    if not (attempt.folder / WORK / spec.entry).is_file():
        raise RunError("NoSuchFile", f"{spec.entry} is not among the job's files.")
    await_run(attempt)
    variables = place.variables() | attempt.checkpoint_variable()
    variables["LABSTUDIO_PARAMETERS"] = json.dumps(spec.parameters)
    start = attempt.log_size()
    child = place.start(place.command(spec.entry) + arguments(dict(spec.parameters)), variables)
    code = follow(attempt, child)
    return None if code == 0 or attempt.stopping else why(attempt, code, start)


def follow(attempt: Attempt, child: Child) -> int:
    """See to what was started until it ends, or is ended; return its exit code."""
    attempt.record(child)
    attempt.status.phase("running")
    attempt.exit_code = code = attempt.loop.run_until_complete(_until_end(attempt, child))
    attempt.status.phase("collecting")
    return code


async def _until_end(attempt: Attempt, child: Child) -> int:
    """Wait until what was started ends, or end it when the attempt is asked to."""
    ended = asyncio.ensure_future(child.wait())
    stop = asyncio.ensure_future(attempt.stop_asked())
    await asyncio.wait({ended, stop}, return_when=asyncio.FIRST_COMPLETED)
    if not ended.done():

        async def interrupt() -> None:
            child.signal_group(signal.SIGINT)

        await attempt.wind_up(ended, lambda: child.signal_group(signal.SIGTERM))
    if not ended.done():
        await attempt.put_down(ended, interrupt)
    stop.cancel()
    return await ended


def why(attempt: Attempt, code: int, start: int) -> JobError:
    """Tell why a script failed, from its exit and from the end of its log."""
    name = Path(attempt.spec.entry).name
    if code < 0:
        text = tell_exit(code, name, memory_ran_out=attempt.place.memory_ran_out())
        attempt.log.note(text)
        return JobError(type="Killed", message=text)
    tail = _tail(attempt, start)
    place = tail.rfind(TRACE_HEAD)
    if place >= 0:
        trace = tail[place:].strip()
        last = [line for line in trace.splitlines() if line and not line[0].isspace()]
        if len(last) > 1 and (found := RAISED.match(last[-1])):
            message = found["message"] or ""
            if found["type"] == "EOFError" and "reading a line" in message:
                attempt.log.note("A job cannot ask for input: nobody is there.")
            return JobError(type=found["type"], message=message, traceback=trace)
    text = tell_exit(code, name, memory_ran_out=attempt.place.memory_ran_out())
    if code > SIGNALLED:
        attempt.log.note(text)
    lines = "\n".join(tail.strip().splitlines()[-20:])
    return JobError(type="ExitCode", message=text, traceback=lines or None)


def _tail(attempt: Attempt, start: int) -> str:
    with contextlib.suppress(OSError):
        size = attempt.log_size()
        begin = max(start, size - TAIL_BYTES)
        return os.pread(attempt.log.handle, size - begin, begin).decode(errors="replace")
    return ""
