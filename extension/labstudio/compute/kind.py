"""The one protocol that every kind of compute implements.

An attempt at a job is a folder on the worker's machine (`labstudio.jobs.runner.protocol`). A kind
brings what the folder says to its place, has it run there, and brings back into the folder what
comes of it: log, status, notebook, outputs, result. Whatever reads jobs reads that folder and need
not know where the code ran.

A kind is found by the entry point group ``labstudio.computes``; what ships is registered the same
way. `labstudio.compute.conformance` holds the tests that every kind passes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event
from typing import TYPE_CHECKING, ClassVar

from labstudio.compute.models import Capacity, ComputeSettings, Need, Resources
from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from labstudio.compute.kernel_host import KernelHost, KernelOffer, KernelOrder
    from labstudio.home import Home
    from labstudio.jobs.models import JobError
    from labstudio.jobs.runner.nursery import Nursery
    from labstudio.jobs.runner.protocol import AttemptSpec
    from labstudio.status import Check

GROUP = "labstudio.computes"


class Presence(StrEnum):
    """What is known of an attempt's runner."""

    coming = "coming"
    """Launched, and not heard of yet."""
    running = "running"
    """It lives, or did when it was last heard of a moment ago."""
    gone = "gone"
    """Nobody makes the attempt any more. If it left a result, that is in the folder by now."""
    unreachable = "unreachable"
    """The place does not answer. The attempt goes on there as far as anybody knows."""


class Signal(StrEnum):
    """What an attempt is told."""

    stop = "stop"
    """End: interrupt, terminate, kill, in about three seconds; write the result `stopped`."""
    kill = "kill"
    """End every process of it now."""
    preempt = "preempt"
    """The compute is being taken away: save a checkpoint within the grace period and end."""


@dataclass(frozen=True)
class Order:
    """One attempt, as a kind is asked to make it.

    Parameters
    ----------
    folder
        The attempt's folder here. The engine has made it, and put ``carry.pkl`` into it where
        names are carried. The kind writes ``attempt.json``.
    spec
        What runs. A kind may change a copy to suit its place (paths, addresses).
    need
        The slots that it was given.
    gpus
        Numbers of the GPUs that it may use.
    say
        Writes a line of the studio's own into the attempt's log.
    given_up
        Set when nobody waits for the preparation any more.
    """

    folder: Path
    spec: AttemptSpec
    need: Need = field(default_factory=Need)
    gpus: tuple[int, ...] = ()
    say: Callable[[str], None] = lambda _text: None
    given_up: Event = field(default_factory=Event)


@dataclass(frozen=True)
class Host:
    """What a worker lends the kinds that it opens.

    Parameters
    ----------
    home
        The studio home.
    nursery
        Launches runners on this machine; None where nothing is launched (a look at resources).
    gateway
        The unix socket of the gateway that serves jobs and kernels elsewhere; None without one.
    """

    home: Home
    nursery: Nursery | None = None
    gateway: Path | None = None


class Kind(ABC):
    """A compute of one kind, opened by one process.

    Methods are called from many threads at once, for different attempts. Each may be called again
    for the same attempt, by this process or by another after this one died: what is done already
    is then left as it is.

    Any method may raise `Unavailable` when the place does not answer (the engine tries again), and
    any other `StudioError` when the attempt can never be made so (the engine ends it as failed,
    with the error's sentence).

    Parameters
    ----------
    name
        The compute's name.
    settings
        Its entry, checked: an instance of `Settings`.
    host
        What the process lends it.
    """

    TYPE: ClassVar[str]
    """What ``compute.toml`` and the entry point call it."""
    summary: ClassVar[str]
    """One line for people who choose a kind."""
    Settings: ClassVar[type[ComputeSettings]] = ComputeSettings
    hosts_kernels: ClassVar[bool] = False
    at_home: ClassVar[bool] = False
    """Whether what runs there has the studio's home at hand. Elsewhere it is given the gateway."""
    runs_images: ClassVar[bool] = False
    """Whether a job may name a container image to run in, or be one."""
    keeps_kernels: ClassVar[bool] = False
    """Whether a failed job's kernel can be kept there for somebody to look at."""

    def __init__(self, name: str, settings: ComputeSettings, host: Host) -> None:
        self.name = name
        self.settings = settings
        self.host = host

    @classmethod
    def missing(cls) -> str | None:
        """Say what must be installed before this kind works here; None when nothing is."""
        return None

    @classmethod
    def preload(cls) -> None:
        """Load what opening one takes; called ahead of time, by a process that waits for work."""

    def warm(self) -> None:
        """Get in touch ahead of time, so that a kernel starts sooner; `close` lets go again.

        Called by a process that waits for work, for the compute that was used last.
        """

    def close(self) -> None:
        """Let go of connections; what runs goes on. Called once, last."""

    def retire(self) -> None:
        """End what the kind itself started for this compute; called when it is removed."""

    # -- what it is

    @abstractmethod
    def capacity(self) -> Capacity:
        """Return what it has to give out, settings considered. Called often: remember it."""

    @abstractmethod
    def resources(self) -> Resources:
        """Look at the machine now."""

    @abstractmethod
    def test(self) -> Iterator[Check]:
        """Try each thing that an attempt needs, in order; what fails says how to mend it."""

    # -- an attempt, from the first call to the last

    def prepare(self, order: Order) -> None:
        """Bring environment, code, and data there; only what is missing travels.

        The engine calls it before `launch`, with the job shown as being prepared.
        """

    @abstractmethod
    def launch(self, order: Order) -> None:
        """Write ``attempt.json`` and start a runner there, apart from this process; do not wait.

        A runner that finds the attempt claimed must leave it alone, so that launching twice does
        no harm.
        """

    @abstractmethod
    def attach(self, folder: Path) -> bool:
        """Take over an attempt that another process launched, so that `stream` follows it.

        Returns
        -------
        bool
            False where nobody has begun it: it is then prepared and launched.
        """

    @abstractmethod
    def stream(self, folder: Path) -> Presence:
        """Say how the attempt is, having brought what is new into its folder.

        The engine calls this some times a second: a kind far away follows the attempt in a
        thread of its own, and answers here from what it knows. Nothing appears in the folder out
        of order: the result comes after everything that it is the result of.
        """

    @abstractmethod
    def signal(self, folder: Path, how: Signal) -> None:
        """Pass a signal on. An attempt that nobody has begun yet is then never begun."""

    def loss(self, folder: Path) -> JobError | None:
        """Say why an attempt is gone without a result, where more is known than that it is."""
        return None

    def collect(self, folder: Path) -> None:
        """Bring back what `stream` left behind (large outputs); called once it has ended."""

    def clean(self, folder: Path) -> None:
        """Remove what is left of the attempt there. Called after `collect`, and at deletion."""

    def sweep(self, keep: Collection[str]) -> int:
        """End and remove what dead processes of this studio left there; return how many.

        Parameters
        ----------
        keep
            The marks (``JOB_ID/N``) of attempts, and ids of kernels, that still run.
        """
        return 0

    # -- kernels (only where `hosts_kernels`)

    def kernel_offers(self) -> list[KernelOffer]:
        """Return the kernels that can be started there."""
        return []

    def kernel_host(self, order: KernelOrder) -> KernelHost:
        """Return what starts one kernel there and keeps in touch with it."""
        raise InvalidInput(f"Kernels do not run on {self.TYPE} computes.", field="compute")
