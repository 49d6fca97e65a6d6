"""A web server as a child of the daemon, on a socket that the daemon owns.

The daemon opens the listening socket and hands it to the child. So the address stays open while the
child is restarted, and a job that asks for something at that moment waits a few seconds and is not
refused.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.jobs.processes import die_with_parent

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from labstudio.home import Home

LOG = logging.getLogger(__name__)

BACKLOG = 256

FIRST_BACKOFF_S = 0.5
LONGEST_BACKOFF_S = 30.0
# A child that lived so long was healthy: the next restart is quick again.
HEALTHY_S = 60.0

STOP_PATIENCE_S = 4.0
SHUTDOWN_PATIENCE_S = 2

LOG_LIMIT_BYTES = 2_000_000
LOG_COPIES = 3


class KeptServer(ABC):
    """Starts, watches and ends a server of a home.

    A thread of its own starts the child, waits for its end and starts it again, sooner or later
    (0.5 s, doubling up to 30 s). The child asks the kernel to be killed when that thread ends, so
    it never outlives the daemon, however the daemon ends.

    Parameters
    ----------
    home
        The home that it serves.
    name
        What it is called in the log.
    module
        What the child runs; it is given ``--home``, ``--fd`` and ``--parent``.
    log
        Where it logs.
    """

    def __init__(self, home: Home, name: str, module: str, log: Path) -> None:
        self.home = home
        self._name = name
        self._module = module
        self._log = log
        self._socket: socket.socket | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._starts = 0

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def restarts(self) -> int:
        """How often the child was started again."""
        return max(0, self._starts - 1)

    @property
    def keeping(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._thread is not None

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Return the child's environment."""

    def wanted(self) -> bool:
        """Wait until a child is to be started; return whether it is."""
        return True

    def keep(self, listening: socket.socket) -> None:
        """Serve on a socket from now on; return at once."""
        self._socket = listening
        self._stopping.clear()
        self._starts = 0
        name = self._name.replace(" ", "-")
        self._thread = threading.Thread(target=self._keep, name=name, daemon=True)
        self._thread.start()

    def restart(self) -> None:
        """End the child; the keeping thread starts another after its back-off."""
        if self._child is not None:
            end_child(self._child)

    def stop(self) -> None:
        """End the child for good and close the socket."""
        self._stopping.set()
        self.restart()
        if self._thread is not None:
            self._thread.join(STOP_PATIENCE_S + 1)
            self._thread = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _keep(self) -> None:
        """Keep a child running until told to stop."""
        backoff = FIRST_BACKOFF_S
        while not self._stopping.is_set():
            if not self.wanted():
                continue
            began = time.monotonic()
            try:
                self._child = self._spawn()
                self._starts += 1
                # stop() may have come between the check above and the child's start.
                if self._stopping.is_set():
                    end_child(self._child)
                code = self._child.wait()
            except OSError:
                LOG.exception("The %s could not be started.", self._name)
            else:
                if not self._stopping.is_set():
                    LOG.warning("The %s ended with code %s.", self._name, code)
            if time.monotonic() - began > HEALTHY_S:
                backoff = FIRST_BACKOFF_S
            if self._stopping.wait(backoff):
                return
            backoff = min(2 * backoff, LONGEST_BACKOFF_S)

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start the child with the listening socket."""
        if self._socket is None:
            raise OSError("the socket is closed")
        descriptor = self._socket.fileno()
        command = [sys.executable, "-P", "-m", self._module]
        command += ["--home", str(self.home.path), "--fd", str(descriptor)]
        command += ["--parent", str(os.getpid())]
        # Early failures, before the child sets up its log, go to the same file.
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.home.path,
                env=self.environment(),
                pass_fds=[descriptor],
                start_new_session=True,
            )


def end_child(child: subprocess.Popen[bytes]) -> None:
    """Ask the child to end, and insist."""
    child.terminate()
    try:
        child.wait(STOP_PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


class LogFile(RotatingFileHandler):
    """A log file that is renamed when it is long, and that stdout and stderr follow."""

    def doRollover(self) -> None:  # noqa: N802  the base class's name
        """Begin a new file."""
        super().doRollover()
        self.capture()

    def capture(self) -> None:
        """Send what is printed, such as a crash of the interpreter, to the current file."""
        if self.stream is not None:
            os.dup2(self.stream.fileno(), 1)
            os.dup2(self.stream.fileno(), 2)


def begin_child(description: str | None, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read what a `KeptServer` gives its child: ``home`` and ``fd``; and end with the daemon."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--fd", type=int, required=True, help="a listening socket")
    parser.add_argument("--parent", type=int, required=True, help="the daemon's process id")
    options = parser.parse_args(arguments)
    # Killed, not asked: the next daemon may be there at once and wants the port, and SQLite's
    # write-ahead log makes that harmless.
    die_with_parent(options.parent)
    os.umask(0o077)
    return options


def serve(app: Any, listening: socket.socket, **options: Any) -> None:
    """Serve an ASGI application until told to end."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_PATIENCE_S,
        **options,
    )
    uvicorn.Server(config).run(sockets=[listening])


def set_up_log(path: Path) -> None:
    """Log what matters into the home; the child calls it."""
    handler = LogFile(path, maxBytes=LOG_LIMIT_BYTES, backupCount=LOG_COPIES)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.capture()
    logging.captureWarnings(capture=True)
    logging.getLogger("py.warnings").setLevel(logging.ERROR)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
