"""The daemon's side of the nursery: launching runners, warm where it can be."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from time import monotonic
from typing import IO, TYPE_CHECKING, Any

from labstudio.jobs.processes import PLACEHOLDER
from labstudio.jobs.runner.protocol import ATTEMPT_VARIABLE, kernel_folder
from labstudio.jobs.runner.surroundings import NOT_INHERITED
from labstudio.status import WarmKernels

if TYPE_CHECKING:
    from labstudio.home import Home

DEFAULT_SETTLE_S = 1.0
CLOSE_S = 5.0
QUICK_DEATH_S = 10.0
QUICK_DEATHS = 3
REST_S = 300.0


def environment() -> dict[str, str]:
    """Return the environment of runners: this process's, without any job's own variables."""
    found = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    found[ATTEMPT_VARIABLE] = PLACEHOLDER
    return found


class Nursery:
    """Launches runners through a process that is ready to fork them; without it when need be.

    Thread-safe. The nursery process ends when this object is closed or this process ends; the
    runners that have an attempt go on.

    Parameters
    ----------
    home
        The studio home.
    warm
        How many kernels to keep started beforehand; 0 keeps none, and runners still fork quickly.
    settle_s
        How long replacements wait after a launch.
    log
        Where the nursery and runners say what went wrong with themselves.
    """

    def __init__(
        self,
        home: Home,
        warm: int,
        *,
        settle_s: float = DEFAULT_SETTLE_S,
        log: IO[Any] | int = subprocess.DEVNULL,
    ) -> None:
        self.home = home
        self.warm = warm
        self._settle_s = settle_s
        self._log = log
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._pending: set[str] = set()
        self._status = WarmKernels(ready=0, wanted=warm, memory_bytes=0)
        self._closed = False
        self._started = 0.0
        self._reported = False
        self._deaths = 0
        self._rest_until = 0.0

    def start(self) -> None:
        """Start the process; when it cannot be, launching falls back to plain subprocesses."""
        with self._lock:
            if self._closed or self._alive() or monotonic() < self._rest_until:
                return
            ours, theirs = socket.socketpair()
            try:
                process = subprocess.Popen(
                    [
                        sys.executable,
                        "-m",
                        "labstudio.jobs.runner.nursery_main",
                        "--control",
                        str(theirs.fileno()),
                        "--sockets",
                        str(kernel_folder(self.home)),
                        "--warm",
                        str(self.warm),
                        "--settle",
                        str(self._settle_s),
                    ],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    env=environment(),
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                self._rest_until = monotonic() + REST_S
                return
            finally:
                theirs.close()
            self._process, self._control, self._started = process, ours, monotonic()
            self._reported = False
            threading.Thread(
                target=self._listen, args=(process, ours), name="nursery", daemon=True
            ).start()

    def _alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process's number; None when there is none."""
        with self._lock:
            return self._process.pid if self._process is not None and self._alive() else None

    def launch(self, attempt_folder: Path, warm_ok: bool = True, loads: str = "") -> None:
        """Have a runner take up an attempt; return at once.

        Parameters
        ----------
        attempt_folder
            Its folder, with ``attempt.json`` in it.
        warm_ok
            Whether a warm kernel may suit; the runner makes sure, and starts another if it does
            not.
        loads
            A module that such runners need; it is imported once, before they are forked.
        """
        folder = str(Path(attempt_folder).absolute())
        order = json.dumps({"launch": folder, "warm": warm_ok, "loads": loads}).encode() + b"\n"
        with self._lock:
            self.start()
            control = self._control
            if control is not None and self._alive():
                self._pending.add(folder)
                try:
                    control.sendall(order)
                except OSError:
                    self._pending.discard(folder)
                else:
                    return
        self._spawn(folder)

    def _spawn(self, folder: str) -> None:
        """Launch without a nursery. A second runner of an attempt sees the claim and goes."""
        process = subprocess.Popen(
            [sys.executable, "-m", "labstudio.jobs.runner", folder],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            env=environment(),
            start_new_session=True,
        )
        # Somebody has to take its exit.
        threading.Thread(target=process.wait, name="runner", daemon=True).start()

    def _listen(self, process: subprocess.Popen[bytes], control: socket.socket) -> None:
        # A line cut short by its death is no line.
        with contextlib.suppress(OSError, ValueError), control.makefile("rb") as lines:
            for line in lines:
                self._hear(json.loads(line))
        # Its end of the socket is closed: it is over, or about to be.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=CLOSE_S)
        if process.poll() is None:
            process.kill()
            process.wait()
        self._ended(process)

    def _hear(self, told: dict[str, Any]) -> None:
        with self._lock:
            if "launched" in told:
                self._pending.discard(told["launched"])
            elif "failed" in told:
                self._pending.discard(told["failed"])
                self._spawn(told["failed"])
            else:
                self._reported = True
                self._status = WarmKernels.model_validate(told)

    def _ended(self, process: subprocess.Popen[bytes]) -> None:
        """Launch anew what it had not got to, and start another, unless it keeps dying."""
        with self._lock:
            if self._process is not process:
                return
            if self._control is not None:
                self._control.close()
            self._process = self._control = None
            self._status = WarmKernels(ready=0, wanted=self.warm, memory_bytes=0)
            lost, self._pending = self._pending, set()
            quick = not self._reported or monotonic() - self._started < QUICK_DEATH_S
            self._deaths = self._deaths + 1 if quick else 0
            if self._deaths >= QUICK_DEATHS:
                self._rest_until = monotonic() + REST_S
                self._deaths = 0
            for folder in lost:
                self._spawn(folder)
            self.start()

    def status(self) -> WarmKernels:
        """Return how many kernels are ready, and what they cost."""
        with self._lock:
            return self._status.model_copy()

    def close(self) -> None:
        """End the nursery and its warm kernels; attempts go on."""
        with self._lock:
            self._closed = True
            process, control = self._process, self._control
        if control is not None:
            with contextlib.suppress(OSError):
                control.shutdown(socket.SHUT_RDWR)
        if process is not None:
            try:
                process.wait(timeout=CLOSE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
