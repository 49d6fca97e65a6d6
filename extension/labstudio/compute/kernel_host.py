"""What keeps one kernel on a compute: started there, spoken to from here.

A keeper process (`labstudio_kernels.keeper`) holds one host for each kernel. It is neither a child
of JupyterLab's server nor of the daemon, so that the kernel outlives both; the host's coroutines
run in its loop.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field, JsonValue

from labstudio.compute.models import Need

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class KernelOffer(BaseModel):
    """A kernel that a compute can start."""

    name: str = Field(description="Of the kernelspec there, such as `python3` or `ir`.")
    display_name: str
    language: str
    argv: list[str] = Field(default_factory=list)
    env: dict[str, str] = Field(default_factory=dict)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)
    interrupt_mode: Literal["signal", "message"] = Field(
        "signal", description="How it is interrupted; with `message` the keeper does it."
    )


class KernelEnd(BaseModel):
    """How a kernel ended."""

    exit_code: int | None = None
    message: str = Field("", description="One sentence for the notebook, such as of an OOM kill.")
    out_of_memory: bool = False


@dataclass(frozen=True)
class KernelOrder:
    """One kernel, as a host is asked to keep it.

    Parameters
    ----------
    id
        The kernel's id in Jupyter; unique.
    folder
        Its private folder here, where its state, sockets and log lie.
    offer
        Which kernel.
    key
        Signs its messages: the `key` of every connection file that leads to it, here and there.
    sockets
        A private folder with a short path for the host's own sockets; the keeper's lie there too.
    notebooks
        The notebook's folder here; it is there for the kernel too. None where there is none.
    env
        Environment variables, the reverse channel's among them.
    gateway
        The unix socket here that the kernel's own requests are led to; None without one.
    need, gpus
        The slots that it holds.
    say
        Tells the user something about the kernel (kept in its log, shown in JupyterLab).
    """

    id: str
    folder: Path
    offer: KernelOffer
    key: str = ""
    sockets: Path | None = None
    notebooks: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    gateway: Path | None = None
    need: Need = field(default_factory=Need)
    gpus: tuple[int, ...] = ()
    say: Callable[[str], None] = lambda _text: None


# ipykernel's output socket drops what comes faster than it is taken, beyond a thousand messages.
_LOSSLESS = """
import sys, zmq
if sys.path[0] == "": del sys.path[0]
from ipykernel import kernelapp
opens = kernelapp.IPKernelApp.init_iopub
def init_iopub(self, context):
    context.setsockopt(zmq.SNDHWM, 0)
    opens(self, context)
kernelapp.IPKernelApp.init_iopub = init_iopub
kernelapp.launch_new_instance()
"""


def lossless(argv: list[str]) -> list[str]:
    """Return the command that starts a kernel so that it drops no output.

    >>> lossless(["R", "-e", "IRkernel::main()"])
    ['R', '-e', 'IRkernel::main()']
    """
    if "ipykernel_launcher" not in argv:
        return argv
    at = argv.index("ipykernel_launcher")
    return [*argv[: at - 1], "-c", _LOSSLESS, *argv[at + 1 :]]


class KernelHost(ABC):
    """One kernel elsewhere, and how it is reached from this machine."""

    def __init__(self, order: KernelOrder) -> None:
        self.order = order

    @abstractmethod
    async def start(self) -> dict[str, Any]:
        """Start the kernel, or find it running (after this process was started anew).

        Returns
        -------
        dict
            The content of a Jupyter connection file through which clients on this machine reach
            it. It stays the same as long as the kernel lives, over cuts of the link and restarts
            of this process.
        """

    @abstractmethod
    async def poll(self) -> KernelEnd | None:
        """Return how it ended; None while it lives, or is out of reach and may live.

        Called a few times a second. Also called before `start` when an earlier keeper had started
        the kernel: it then tells whether that one lives, so that no other stands in for it.
        """

    @abstractmethod
    async def interrupt(self) -> None:
        """Do what Ctrl-C does, in the way that the kernel's spec asks for."""

    @abstractmethod
    async def kill(self) -> None:
        """End it at once, with all that it started, and remove what is left of it there."""

    async def bring(self, here: Path) -> str:
        """Bring a folder of this machine there, only what is missing; return its path there.

        A file whose name is a SHA-256 holds that; whoever reads it there checks it.
        """
        return str(here)

    async def fetch(self, there: str, here: Path) -> None:
        """Bring a folder that the kernel wrote here; nothing to do where it is the same one."""

    async def synchronise(self) -> None:
        """Bring the notebook's folder and the kernel's copy of it in step, both ways.

        Called every few seconds, and after each cell. Nothing to do where the folder is mounted.
        """

    def reachable(self) -> str | None:
        """Say why the kernel cannot be reached now; None while it can."""
        return None

    async def close(self) -> None:
        """Let go without ending the kernel."""
