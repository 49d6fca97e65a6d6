"""Starting keepers: processes apart from the one that starts them, one of them loaded beforehand.

A keeper is `python -m labstudio_kernels.keeper`, in a session of its own. Loading what it needs
takes longer than starting a container, so a process that has started one keeps a spare.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from labstudio.daemon.keeper import OF_A_JOB
from labstudio.errors import Unavailable
from labstudio.kernels.control import status

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.kernels.folder import KernelFolder
    from labstudio.kernels.models import KernelStatus

MODULE = "labstudio_kernels.keeper"
START_TIMEOUT_S = 30.0
PAUSE_S = 0.01
AGAIN_S = 1.0
SETTLE_S = 8.0


class Keepers:
    """Starts keepers, and has a spare after the first.

    A spare ends with this process, whose end of its standard input then closes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spare: subprocess.Popen[bytes] | None = None
        # None of them is waited for; their exits are taken when the next is started.
        self._started: list[subprocess.Popen[bytes]] = []

    def ensure(self, folder: KernelFolder, *, spare: bool = True) -> KernelStatus:
        """Return how a kernel is, having started its keeper when there was none.

        Parameters
        ----------
        folder
            The kernel's folder, with its sheet.
        spare
            Whether to have a spare afterwards.

        Raises
        ------
        Unavailable
            When the keeper does not come.
        """
        deadline = time.monotonic() + START_TIMEOUT_S
        process, begun_at = None, 0.0
        while time.monotonic() < deadline:
            if folder.control.exists() and (told := status(folder)) is not None:
                if spare:
                    self.prepare_later(folder)
                return told
            coming = folder.kept() or (process is not None and process.poll() is None)
            if not coming and time.monotonic() - begun_at > AGAIN_S:
                # Somebody else may start one now: the second finds the folder locked, and ends.
                process, begun_at = self._begin(folder), time.monotonic()
            time.sleep(PAUSE_S)
        raise Unavailable(f"The keeper of kernel {folder.id} does not start; see {folder.log}.")

    def prepare_later(self, folder: KernelFolder) -> None:
        """Have a spare for its compute once a kernel has had the processor for itself."""
        if (sheet := folder.sheet()) is None:
            return
        timer = threading.Timer(SETTLE_S, self.prepare, (folder.home.path, sheet.compute))
        timer.daemon = True
        timer.start()

    def prepare(self, home: Path, compute: str) -> None:
        """Have a spare, unless there is one, or none can be had."""
        with self._lock, contextlib.suppress(Unavailable):
            self._started = [each for each in self._started if each.poll() is None]
            if self._spare is None or self._spare.poll() is not None:
                self._spare = self._spawn(["--spare", str(home), compute], stdin=subprocess.PIPE)

    def close(self) -> None:
        """Let the spare go."""
        with self._lock:
            if self._spare is not None and self._spare.stdin is not None:
                self._spare.stdin.close()
                self._spare.wait()
            self._spare = None

    def _begin(self, folder: KernelFolder) -> subprocess.Popen[bytes]:
        words = [str(folder.home.path), folder.id]
        with self._lock:
            spare, self._spare = self._spare, None
            if spare is not None and spare.poll() is None and spare.stdin is not None:
                with contextlib.suppress(BrokenPipeError):
                    spare.stdin.write(json.dumps(words).encode() + b"\n")
                    spare.stdin.close()
                    self._started.append(spare)
                    return spare
            process = self._spawn(words, stdin=subprocess.DEVNULL)
            self._started.append(process)
            return process

    def _spawn(self, words: list[str], stdin: int) -> subprocess.Popen[bytes]:
        # One that a job's own code starts is not part of that job, and ends otherwise.
        around = {name: value for name, value in os.environ.items() if name not in OF_A_JOB}
        try:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", MODULE, *words],
                stdin=stdin,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=around,
                start_new_session=True,
            )
        except OSError as error:
            raise Unavailable(
                f"A kernel's keeper cannot be started: {error.strerror or error}."
            ) from error
