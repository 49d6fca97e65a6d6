"""Finds the daemon of a home, starts it where none runs, replaces one that is too old."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING

import psutil
from pydantic import BaseModel, ValidationError

from labstudio._version import __version__
from labstudio.config import ENVIRONMENT_PREFIX
from labstudio.errors import Unavailable
from labstudio.jobs.runner.protocol import process_of
from labstudio.status import DaemonStatus, WarmKernels

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.home import Home

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
LOG_LIMIT_BYTES = 5 << 20
OF_A_JOB = {"LABSTUDIO_ATTEMPT", "LABSTUDIO_JOB_ID", "MLFLOW_RUN_ID", "MLFLOW_EXPERIMENT_ID"}


class DaemonFile(BaseModel):
    """What ``daemon.json`` says."""

    pid: int
    create_time: float
    started: float | None = None
    boot_id: str | None = None
    version: str
    started_at: datetime
    warm_ready: int = 0
    warm_wanted: int = 0
    warm_memory_bytes: int = 0


def read_daemon(home: Home) -> DaemonFile | None:
    """Read who the daemon is; None when none runs."""
    try:
        told = DaemonFile.model_validate_json(home.daemon_json.read_bytes())
    except (OSError, ValidationError):
        return None
    # One that was killed and that nobody has waited for yet, a zombie, runs no more.
    process = process_of(told.pid, told.create_time, told.started, told.boot_id)
    return None if process is None else told


def version_key(version: str) -> tuple[int, ...]:
    """Return a version's leading numbers, to be compared."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


# A daemon outlives the keeper that started it, and often this process: none is waited for.
_started: list[subprocess.Popen[bytes]] = []


class Keeper:
    """Keeps the daemon of one home.

    Parameters
    ----------
    studio
        The studio whose daemon it is.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def status(self) -> DaemonStatus:
        """Say whether the daemon runs, and which version."""
        told = read_daemon(self._studio.home)
        if told is None:
            return DaemonStatus(
                state="stopped",
                message="The studio's daemon is not running; jobs wait until it is. "
                "`labstudio daemon` starts it.",
            )
        known = {"pid": told.pid, "version": told.version, "started_at": told.started_at}
        if told.version == __version__:
            return DaemonStatus(state="running", message="The studio's daemon is running.", **known)
        mend = (
            "It will be replaced; running jobs go on."
            if version_key(told.version) < version_key(__version__)
            else "Restart JupyterLab to bring it up to date."
        )
        return DaemonStatus(
            state="outdated",
            message=f"The daemon is labstudio {told.version}, this is {__version__}. {mend}",
            **known,
        )

    def warm(self) -> WarmKernels:
        """Say how many kernels the daemon keeps warm, and what they cost."""
        told = read_daemon(self._studio.home)
        if told is None:
            return WarmKernels(ready=0, wanted=0, memory_bytes=0)
        return WarmKernels(
            ready=told.warm_ready, wanted=told.warm_wanted, memory_bytes=told.warm_memory_bytes
        )

    def ensure(self, *, wait: bool = False) -> DaemonStatus:
        """Start the daemon unless it runs; replace one of an older version.

        Parameters
        ----------
        wait
            Wait until it is ready, some seconds at most.
        """
        with self._lock:
            now = self.status()
            if now.state == "outdated" and version_key(now.version or "") < version_key(
                __version__
            ):
                self.stop()
                now = self.status()
            if now.state != "stopped":
                return now
            try:
                self._spawn()
            except Unavailable as error:
                return DaemonStatus(state="stopped", message=error.message)
            return self._await_ready() if wait else self._starting()

    def stop(self) -> bool:
        """End the daemon; jobs that run go on, and the next daemon finds them."""
        told = read_daemon(self._studio.home)
        if told is None:
            return False
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(told.pid)
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except psutil.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT_S)
        if self._child is not None:
            # It was waited for as any process: let its handle know.
            self._child.poll()
        return True

    def _spawn(self) -> None:
        if self._child is not None and self._child.poll() is None:
            return
        home = self._studio.home.create()
        # A daemon that a job's own code starts is not part of that job, and must not end with it.
        around = {name: value for name, value in os.environ.items() if name not in OF_A_JOB}
        settings = {
            ENVIRONMENT_PREFIX + name.upper(): str(value)
            for name, value in self._studio._settings.items()
        }
        try:
            if home.daemon_log.exists() and home.daemon_log.stat().st_size > LOG_LIMIT_BYTES:
                home.daemon_log.replace(home.daemon_log.with_suffix(".log.1"))
            with home.daemon_log.open("ab") as output:
                self._child = subprocess.Popen(
                    [sys.executable, "-m", "labstudio.daemon"],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=home.path,
                    env={**around, **settings, "LABSTUDIO_HOME": str(home.path)},
                    start_new_session=True,
                )
            _started.append(self._child)
        except OSError as error:
            raise Unavailable(
                f"The studio's daemon cannot be started: {error.strerror or error}."
            ) from error

    def _starting(self) -> DaemonStatus:
        return DaemonStatus(state="starting", message="The studio's daemon is starting.")

    def _await_ready(self) -> DaemonStatus:
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            now = self.status()
            if now.state != "stopped":
                return now
            ended = self._child is not None and self._child.poll() is not None
            # The one started here gave way to another that somebody else started meanwhile.
            if ended and not _lock_held(self._studio.home):
                break
            time.sleep(0.05)
        now = self.status()
        if now.state != "stopped":
            return now
        if _lock_held(self._studio.home):
            return self._starting()  # Slow, but on its way.
        last = _last_line(self._studio.home)
        return DaemonStatus(
            state="stopped", message=f"The studio's daemon did not start. {last}".strip()
        )


def _lock_held(home: Home) -> bool:
    """Tell whether some process is the home's daemon, or becomes it now."""
    try:
        with home.daemon_lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _last_line(home: Home) -> str:
    try:
        lines = home.daemon_log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
