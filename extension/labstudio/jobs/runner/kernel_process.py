"""The Python kernel of a job when it is forked instead of started: quicker, otherwise the same.

Everything is imported by the nursery beforehand. A warm kernel has started before its job is
known; what depends on the job (folder, environment, start-up files) then waits for `adopt`.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import zmq
from ipykernel.kernelapp import IPKernelApp
from traitlets.config import Config

from labstudio.jobs.processes import die_with_parent, mark_process, name_process

if TYPE_CHECKING:
    from collections.abc import Mapping


CONTROL_END_S = 2.0


class JobKernelApp(IPKernelApp):  # type: ignore[misc]
    """IPython's kernel, told that it was forked for a job."""

    waiting = False
    """Whether the job is not known yet."""

    def init_iopub(self, context: zmq.Context[Any]) -> None:
        """Open the output channel with no limit: the default drops output that comes fast."""
        context.setsockopt(zmq.SNDHWM, 0)
        super().init_iopub(context)

    def log_connection_info(self) -> None:
        """Say nothing; there is no terminal."""
        self._ports = {
            name: getattr(self, f"{name}_port")
            for name in ("shell", "iopub", "stdin", "hb", "control")
        }

    def init_poller(self) -> None:
        """Poll nothing: the system ends this process with its parent."""

    def init_extensions(self) -> None:
        """Load the user's extensions once the job is known."""
        if not self.waiting:
            super().init_extensions()

    def init_code(self) -> None:
        """Run the user's start-up files once the job is known."""
        if not self.waiting:
            super().init_code()

    def adopt(self, environment: Mapping[str, str], folder: str, log: str, marker: str) -> None:
        """Become the kernel of a job.

        Parameters
        ----------
        environment
            The whole environment.
        folder
            The working folder.
        log
            The attempt's log; what is written past IPython goes there.
        marker
            The attempt's mark.
        """
        take_on(environment, folder, marker)
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(AttributeError, OSError):
                os.dup2(handle, getattr(stream, "_original_stdstream_copy"))  # noqa: B009  no such attribute in its type
        os.close(handle)
        self.waiting = False
        self.init_extensions()
        self.init_code()
        self.shell.user_ns_hidden.update(self.shell.user_ns)


def take_on(environment: Mapping[str, str], folder: str, marker: str) -> None:
    """Give this process a job's environment, working folder, and fresh randomness."""
    mark_process(marker)
    os.environ.clear()
    os.environ.update(environment)
    if not os.environ.get("MPLBACKEND"):
        os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    os.chdir(folder)
    forget_shadowed(Path(folder))
    random.seed()
    time.tzset()


def forget_shadowed(folder: Path) -> None:
    """Forget preloaded modules that a file of the working folder means to stand for.

    A fresh interpreter would find ``requests.py`` of the job before the installed package.
    """
    for entry in os.scandir(folder):
        name = entry.name.removesuffix(".py")
        if name in sys.stdlib_module_names or name in NEEDED or name not in sys.modules:
            continue
        if name == entry.name and not entry.is_dir():
            continue
        for loaded in [m for m in sys.modules if m == name or m.startswith(name + ".")]:
            del sys.modules[loaded]


NEEDED = frozenset(
    (
        "IPython",
        "ipykernel",
        "traitlets",
        "zmq",
        "tornado",
        "jupyter_client",
        "jupyter_core",
        "comm",
        "debugpy",
        "labstudio",
        "dateutil",
        "psutil",
        "pygments",
        "stack_data",
        "executing",
        "asttokens",
        "pure_eval",
        "decorator",
        "prompt_toolkit",
        "wcwidth",
        "matplotlib_inline",
        "_labstudio_kernel",
        "six",
        "packaging",
    )
)
"""What the kernel itself works with; a fresh kernel has it loaded too, or would break."""


def run_forked(
    connection_file: Path,
    null: int,
    *,
    parent: int,
    setup: dict[str, str] | None,
    environment: Mapping[str, str] | None = None,
) -> NoReturn:
    """Be a kernel; called in the child right after the fork, and never returns.

    Parameters
    ----------
    connection_file
        Where the ports and the key stand.
    null
        A file descriptor to become the standard streams' target.
    parent
        The runner's pid.
    setup
        ``folder`` and ``marker`` of a job that is known; None for a warm kernel.
    environment
        The whole environment of that job.
    """
    code = 1
    try:
        os.setsid()
        die_with_parent(parent)
        name_process("labstudio-krnl")
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        devnull = os.open(os.devnull, os.O_RDONLY)
        os.dup2(devnull, 0)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.closerange(3, 4096)
        _set_stream("stdin", open(0, closefd=False))  # noqa: SIM115
        _set_stream("stdout", open(1, "w", closefd=False))  # noqa: SIM115
        _set_stream("stderr", open(2, "w", closefd=False))  # noqa: SIM115
        launcher = str(Path(sys.modules["ipykernel"].__file__ or "").parent.parent)
        arguments = [str(Path(launcher) / "ipykernel_launcher.py"), "-f", str(connection_file)]
        sys.argv[:] = arguments
        sys.orig_argv[:] = [sys.executable, "-m", "ipykernel_launcher", *arguments[1:]]
        if setup is not None:
            take_on(environment or {}, setup["folder"], setup["marker"])
        code = _serve(connection_file, waiting=setup is None)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else 0
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]  # joins what the code left running
            atexit._run_exitfuncs()
            print(end="", flush=True, file=sys.__stdout__)
            print(end="", flush=True, file=sys.__stderr__)
        os._exit(code)


def _set_stream(name: str, stream: TextIO) -> None:
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def _serve(connection_file: Path, *, waiting: bool) -> int:
    config = Config()
    # A job's cells are in its notebook; the history database would only be a lock to wait for.
    config.HistoryManager.enabled = False
    app = JobKernelApp.instance()
    app.waiting = waiting
    app.update_config(config)
    app.initialize(["-f", str(connection_file)])
    app.start()
    # The control thread flushes the streams when it has answered the shutdown; were the output
    # thread closed under it, it would wait for ten seconds.
    app.control_thread.join(timeout=CONTROL_END_S)
    return 0
