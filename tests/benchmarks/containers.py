"""Jobs in containers against `docker run`."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from labstudio.compute.conformance_place import place
from labstudio.jobs.models import JobState
from tests.benchmarks.measure import Result, compare, wait_warm

sys.path.insert(0, str(Path(__file__).parents[1] / "compute"))
from docker_engine import IMAGE, DockerEngine, Engine, end, entry, fill, lacking

ALLOWED_S = 0.5
SCRIPT = "print('first')\n"


@contextmanager
def engine() -> Iterator[DockerEngine]:
    """Give an Engine of our own with an image of Python."""
    served = Engine(Path(tempfile.mkdtemp(prefix="ls-dk-")))
    served.start()
    try:
        fill(served)
        yield DockerEngine(served, IMAGE)
    finally:
        end(served)


def docker_job(folder: Path) -> Result | None:
    """From submitting a script to its end, against `docker run` and half a second more.

    None where there is no Docker Engine to be started.
    """
    if (reason := lacking()) is not None:
        print(f"docker_job: {reason}")
        return None
    source = folder / "once.py"
    source.write_text(SCRIPT)
    with engine() as served, place(entry(served)) as there:

        def ours() -> float:
            wait_warm(there.studio)
            began = time.perf_counter()
            job = there.studio.jobs.submit(source, compute=there.name)
            job.wait(60)
            took = time.perf_counter() - began
            if job.state is not JobState.succeeded:
                sys.exit(f"The job did not succeed: {job.error}")
            return took

        return compare(
            "docker_job",
            "A script in a container, from submission to its end",
            f"`docker run` of it, and {ALLOWED_S} s",
            ours=ours,
            theirs=lambda: docker_run(served, source) + ALLOWED_S,
            bound=1.0,
            rounds=7,
        )


def docker_run(served: DockerEngine, source: Path) -> float:
    """Run a script by `docker run`; return the wall time in seconds."""
    mount = f"{source}:/work/{source.name}:ro"
    command = ["docker", "-H", served.url, "run", "--rm", "--network", "none", "-v", mount]
    began = time.perf_counter()
    subprocess.run([*command, IMAGE, "python3", f"/work/{source.name}"], check=True)
    return time.perf_counter() - began
