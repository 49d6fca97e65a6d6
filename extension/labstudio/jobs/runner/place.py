"""Where an attempt's code runs: beside the runner, or where its kind of compute says.

The runner is a process of this machine either way: it keeps log, status, notebook and result. A
place only prepares, starts what the runner asks for, and ends it. A kind of compute with a place of
its own names it in the attempt's description (`protocol.Place`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any, NamedTuple

from labstudio.jobs.runner.faults import RunError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jupyter_client.kernelspec import KernelSpec

    from labstudio.jobs.runner.attempt import Attempt
    from labstudio.jobs.runner.children import Child
    from labstudio.jobs.runner.kernels import Kernel


class Usage(NamedTuple):
    """What code used at a place."""

    cpu_s: float
    memory_bytes: int
    processes: int


class PlaceLost(Exception):
    """The place is gone from under the code: whatever it did, it gives no result any more."""


class Place(ABC):
    """Where the code of one attempt runs; made by the runner, for the attempt's whole life.

    Parameters
    ----------
    attempt
        The attempt, begun.
    """

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt

    # -- before the code

    @abstractmethod
    def prepare(self) -> None:
        """Have everything there that the code needs, its environment first.

        Raises
        ------
        RunError, StudioError
            When it cannot be had.
        Stopped
            When the attempt is asked to end meanwhile.
        """

    @abstractmethod
    def command(self, entry: str) -> list[str]:
        """Return how a script is run there, without its arguments."""

    @abstractmethod
    def kernel_spec(self, name: str, language: str | None) -> tuple[str, KernelSpec]:
        """Prepare, and return the kernel of that name there, by the name that it has there.

        Parameters
        ----------
        name
            As the notebook or the job says.
        language
            The notebook's, where it says so.

        Raises
        ------
        RunError
            When there is none.
        """

    @abstractmethod
    def variables(self) -> dict[str, str]:
        """Return the environment of the code."""

    def seen(self, path: Path) -> str | None:
        """Return under which path the code sees a file of the attempt's folder; None if not."""
        return str(path)

    def bring(self, folder: Path) -> str | None:
        """Let the kernel see a folder of the attempt's; return its path there, None if it cannot.

        What the kernel writes into it is there once it is fetched.
        """
        return self.seen(folder)

    def fetch(self, there: str, folder: Path) -> None:
        """Have a folder that was brought as the kernel left it."""

    # -- the code

    @abstractmethod
    def start(self, command: list[str], variables: Mapping[str, str]) -> Child:
        """Start a script, its output going to the log.

        Raises
        ------
        RunError
            When it cannot be started.
        """

    @abstractmethod
    def start_kernel(self, name: str, spec: KernelSpec, variables: Mapping[str, str]) -> Kernel:
        """Start a kernel; do not wait for its first answer.

        Raises
        ------
        RunError
            When it cannot be started.
        """

    def start_image(self) -> Child:
        """Start the job's image itself, as it is made to be started.

        Raises
        ------
        RunError
            When this is no place of containers, or it cannot be started.
        """
        raise RunError("NoImages", "An image runs only on a compute of containers.")

    def usage(self) -> Usage | None:
        """Return what the code uses now; None where the runner's own children tell."""
        return None

    def memory_ran_out(self) -> bool | None:
        """Say whether something was killed because memory ran out; None where nobody knows."""
        return None

    # -- its end

    def terminate(self) -> None:
        """Ask everything that runs there to end."""

    def alive(self) -> bool:
        """Say whether anything still runs there."""
        return False

    def kill(self) -> None:
        """End everything that runs there, now."""

    def leave(self) -> None:
        """Bring what the code wrote to where the runner looks for it; nothing runs any more."""


def open_place(attempt: Attempt) -> Place:
    """Return the place that an attempt's description names."""
    told = attempt.spec.place
    if told is None:
        from labstudio.jobs.runner.here import Here

        return Here(attempt)
    made: Any = resolve_name(told.opens)
    place = made(attempt, told.settings)
    assert isinstance(place, Place)
    return place
