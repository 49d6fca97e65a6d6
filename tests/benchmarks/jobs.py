"""Jobs against papermill from the shell."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from labstudio._studio import Studio
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.models import JobState
from tests.benchmarks.measure import Result, compare, wait_warm
from tests.conftest import notebook

ROUNDS_AGAIN = 4
PAPERMILL = [sys.executable, "-m", "papermill", "--no-progress-bar"]
CELLS = [f"print({index})" for index in range(20)]
MANY = 10


def first_output(studio: Studio, place: Path) -> Result:
    """From submission to the first cell's output being there to be read."""
    source = place / "trivial.ipynb"
    source.write_text(json.dumps(notebook("print('first')", *CELLS[1:])))

    def ours() -> float:
        wait_warm(studio)
        began = time.perf_counter()
        job = studio.jobs.submit(source)
        while "first" not in studio.jobs.log(job.id).text:
            if job.state.final:
                sys.exit(f"The job ended without output: {job.error}")
            time.sleep(0.005)
        took = time.perf_counter() - began
        job.wait(60)
        return took

    return compare(
        "first_output",
        "From submitting a 20-cell notebook to its first output",
        "the `papermill` command on the same notebook",
        ours=ours,
        theirs=lambda: papermills([source]),
        bound=0.15,
        rounds=5,
    )


def ten_notebooks(studio: Studio, place: Path) -> Result:
    """Ten 20-cell notebooks at once."""
    sources = []
    for index in range(MANY):
        source = place / f"n{index}.ipynb"
        source.write_text(json.dumps(notebook(*CELLS)))
        sources.append(source)

    def ours() -> float:
        wait_warm(studio)
        began = time.perf_counter()
        jobs: list[JobHandle] = [studio.jobs.submit(source) for source in sources]
        for job in jobs:
            job.wait(120)
        took = time.perf_counter() - began
        if any(job.state is not JobState.succeeded for job in jobs):
            sys.exit(f"Jobs did not succeed: {[job.error for job in jobs]}")
        return took

    return compare(
        "ten_notebooks",
        "Ten 20-cell notebooks submitted at once, until the last has ended",
        "ten `papermill` commands started at once",
        ours=ours,
        theirs=lambda: papermills(sources),
        bound=0.45,
        rounds=3,
    )


def papermills(sources: list[Path]) -> float:
    """Run papermill from the shell on every notebook at once; return the wall time in seconds.

    Kernels that start at once may choose the same port; a round in which two did is made again.
    """
    for _ in range(ROUNDS_AGAIN):
        began = time.perf_counter()
        running = [
            subprocess.Popen(
                [*PAPERMILL, str(source), str(source.with_suffix(".out.ipynb"))],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for source in sources
        ]
        codes = [each.wait() for each in running]
        if not any(codes):
            return time.perf_counter() - began
    sys.exit("papermill failed")
