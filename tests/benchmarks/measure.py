"""How the benchmarks measure: both sides in turn, the median of the ratios."""

from __future__ import annotations

import platform
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from labstudio._studio import Studio


@dataclass(frozen=True)
class Result:
    """One comparison."""

    name: str
    what: str
    peer: str
    ours_s: float
    peer_s: float
    ratio: float
    bound: float
    rounds: int

    def as_json(self) -> dict[str, Any]:
        """Return the result with figures that are fit to be read."""
        return {
            key: round(value, 4) if isinstance(value, float) else value
            for key, value in asdict(self).items()
        }


def compare(
    name: str,
    what: str,
    peer: str,
    *,
    ours: Callable[[], float],
    theirs: Callable[[], float],
    bound: float,
    rounds: int,
) -> Result:
    """Measure both sides in turn, after one round of each that does not count.

    Parameters
    ----------
    ours, theirs
        Do it once and return the seconds it took.
    bound
        The ratio that we mean to stay under.
    """
    ours()
    theirs()
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    ratio = statistics.median(mine / other for mine, other in pairs)
    result = Result(
        name,
        what,
        peer,
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other for _, other in pairs),
        ratio,
        bound,
        rounds,
    )
    print(f"{name}: {result.ours_s:.3f} s against {result.peer_s:.3f} s, ratio {ratio:.3f}")
    return result


@contextmanager
def daemon(**settings: Any) -> Iterator[Studio]:
    """Give a studio on a new home, with its daemon running and its kernels warm."""
    folder = Path(tempfile.mkdtemp(prefix="ls-"))
    studio = Studio(folder, **settings)
    state = studio.keeper.ensure(wait=True)
    if state.state != "running":
        sys.exit(state.message)
    try:
        wait_warm(studio)
        yield studio
    finally:
        studio.keeper.stop()
        studio.close()
        shutil.rmtree(studio.home.runtime, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def wait_warm(studio: Studio, timeout_s: float = 30.0) -> None:
    """Wait until as many kernels are warm as are wanted, and the tracking server answers."""
    from labstudio.experiments.connection import is_ready

    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        told = studio.keeper.warm()
        if told.ready >= told.wanted and is_ready(studio.home):
            time.sleep(0.5)
            return
        time.sleep(0.1)
    sys.exit("The kernels did not get warm.")


def machine() -> dict[str, Any]:
    """Say what was measured on."""
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
    }
