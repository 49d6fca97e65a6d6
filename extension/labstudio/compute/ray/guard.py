"""``python -m labstudio.compute.ray.guard FOLDER ROOT``: keeps a runner apart from Ray's job.

To stop a job Ray signals every process below it at once, the kernel too, which would then die
before the runner could interrupt it. So the runner is no descendant of Ray's: this process, cut
loose, is its parent. When the driver ends (its end of our standard input closes), nothing of the
attempt stays.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import sys
from pathlib import Path

from labstudio.home import Home
from labstudio.jobs.processes import kill_attempt
from labstudio.jobs.runner import protocol

LOOK_S = 0.5


def detach(folder: Path, root: Path) -> int:
    """Start a guard that is nobody's child; return what must stay open while it shall live."""
    ours, theirs = os.pipe()
    first = os.fork()
    if first == 0:
        try:
            os.setsid()
            if os.fork() == 0:
                said = os.open(root / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                os.dup2(ours, 0)
                os.dup2(said, 1)
                os.dup2(said, 2)
                words = ["-m", "labstudio.compute.ray.guard", str(folder), str(root)]
                os.execv(sys.executable, [sys.executable, *words])  # noqa: S606  no shell is meant
        finally:
            os._exit(0)
    os.waitpid(first, 0)
    os.close(ours)
    return theirs


def main(folder: Path, root: Path) -> None:
    """Run the attempt until it ends or the driver does; leave nothing."""
    mark = protocol.read_spec(folder).marker
    runner = subprocess.Popen(
        [sys.executable, "-m", "labstudio.jobs.runner", str(folder)],
        stdin=subprocess.DEVNULL,
        env={**os.environ, protocol.ATTEMPT_VARIABLE: mark},
        start_new_session=True,
    )
    while not select.select([0], [], [], LOOK_S)[0]:
        runner.poll()
    kill_attempt(folder)
    runner.wait()
    home = Home(protocol.read_spec(folder).home)
    shutil.rmtree(home.runtime, ignore_errors=True)
    shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
