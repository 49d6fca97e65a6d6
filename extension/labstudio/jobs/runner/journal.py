"""The files that a runner keeps up to date: log, status, notebook, resources."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
from time import monotonic
from typing import TYPE_CHECKING, Any

from labstudio.home import write_atomic
from labstudio.jobs.models import CellTime, Progress
from labstudio.jobs.runner.protocol import LOG, NOTEBOOK, STATUS, Status, now, write_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path


class Log:
    """An attempt's log: appended to by this process and by its children, never rewritten.

    A full disk ends no job: what could not be written is counted, and told when there is room.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOG
        self.handle = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        self._lost = 0

    def write(self, text: str | bytes) -> None:
        """Append as it is."""
        data = memoryview(text.encode("utf-8", "replace") if isinstance(text, str) else text)
        if self._lost:
            told = f"\n[labstudio] {self._lost} bytes of output were lost: the disk was full.\n"
            if not self._append(memoryview(told.encode())):
                self._lost += len(data)
                return
            self._lost = 0
        self._append(data)

    def _append(self, data: memoryview) -> bool:
        while data:
            try:
                data = data[os.write(self.handle, data) :]
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
                    raise
                self._lost += len(data)
                return False
        return True

    def note(self, text: str) -> None:
        """Append lines of the runner's own, each marked as such and on a line of its own."""
        size = os.fstat(self.handle).st_size
        broken = size > 0 and os.pread(self.handle, 1, size - 1) not in (b"\n", b"")
        lines = "".join(f"[labstudio] {line}\n" for line in text.splitlines())
        self.write(("\n" if broken else "") + lines)


class Throttle:
    """Do something soon, but not too often, while an event loop runs.

    Parameters
    ----------
    action
        What is done; what it takes counts: slow ones are done more seldom.
    """

    def __init__(self, action: Callable[[], None]) -> None:
        self._action = action
        self._last = -1e9
        self._took = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.wanted = False

    def request(self, interval_s: float) -> None:
        """Do it now when the last time is long enough ago, or else as soon as it is."""
        self.wanted = True
        due = self._last + max(interval_s, 10 * self._took)
        wait = due - monotonic()
        if wait <= 0:
            self.flush()
            return
        with contextlib.suppress(RuntimeError):
            loop = asyncio.get_running_loop()
            if self._timer is not None and self._timer.when() > loop.time() + wait:
                self._timer.cancel()
                self._timer = None
            if self._timer is None:
                self._timer = loop.call_later(wait, self.flush)

    def flush(self) -> None:
        """Do it now if it is wanted."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.wanted:
            self.wanted = False
            began = monotonic()
            self._action()
            self._last = monotonic()
            self._took = self._last - began


class StatusFile:
    """How far the attempt is, on disk."""

    INTERVAL_S = 0.2

    def __init__(self, folder: Path) -> None:
        self.progress = Progress(phase="kernel")
        self.cells: list[CellTime] = []
        self.kernel_kept_until: datetime | None = None
        self.connection_file: str | None = None
        self._path = folder / STATUS
        self._throttle = Throttle(self._write)

    def phase(self, phase: str, message: str | None = None) -> None:
        """Enter a phase."""
        self.progress = Progress.model_validate(
            {**self.progress.model_dump(), "phase": phase, "message": message}
        )
        self.changed(urgent=True)

    def changed(self, *, urgent: bool = False) -> None:
        """Write soon."""
        self._throttle.request(0.0 if urgent else self.INTERVAL_S)

    def flush(self) -> None:
        """Write what has not been written."""
        self._throttle.flush()

    def _write(self) -> None:
        status = Status(
            progress=self.progress,
            cells=self.cells,
            updated_at=now(),
            kernel_kept_until=self.kernel_kept_until,
            connection_file=self.connection_file,
        )
        with contextlib.suppress(OSError):
            write_model(self._path, status)


class NotebookFile:
    """The output notebook on disk, replaced whole.

    Parameters
    ----------
    folder
        The attempt's folder.
    content
        Gives the notebook as it stands.
    """

    CELL_INTERVAL_S = 0.5
    STREAM_INTERVAL_S = 2.0

    def __init__(self, folder: Path, content: Callable[[], Any]) -> None:
        self._path = folder / NOTEBOOK
        self._content = content
        self._throttle = Throttle(self._write)

    def cell_changed(self) -> None:
        """Write soon: a cell began or ended."""
        self._throttle.request(self.CELL_INTERVAL_S)

    def output_changed(self) -> None:
        """Write some time: a cell that runs has printed."""
        self._throttle.request(self.STREAM_INTERVAL_S)

    def flush(self, *, durable: bool = False) -> None:
        """Write now."""
        self._throttle.wanted = True
        self._throttle.flush()
        if durable:
            with contextlib.suppress(OSError):
                handle = os.open(self._path, os.O_RDONLY)
                os.fsync(handle)
                os.close(handle)

    def _write(self) -> None:
        with contextlib.suppress(OSError):
            write_atomic(self._path, notebook_text(self._content()), durable=False)


def notebook_text(notebook: Any) -> str:
    """Return a notebook as text; what was not valid on the way in is no reason to lose it."""
    from nbformat import v4

    try:
        return str(v4.writes(notebook)) + "\n"
    except (AttributeError, KeyError, TypeError, ValueError):
        return json.dumps(notebook, ensure_ascii=False, indent=1, default=str) + "\n"
