"""An attempt's folder here, rebuilt from the frames that come from its node."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path
from time import monotonic
from typing import Any

from pydantic import BaseModel

from labstudio.compute.ray.frames import Damaged, Frame
from labstudio.home import write_atomic
from labstudio.jobs.runner import protocol

RECORD = "ray.json"
KEEP_S = 1.0
_AMENDING = threading.Lock()
LISTED = frozenset(
    {
        protocol.LOG,
        protocol.RESOURCES,
        protocol.STATUS,
        protocol.NOTEBOOK,
        protocol.OUTPUTS,
        protocol.RESULT,
        protocol.RESULT_PICKLE,
        protocol.LOSS,
        "stored.json",
    }
)


class Record(BaseModel):
    """What is kept of an attempt on Ray, for a process that takes it over."""

    submission: str
    submitted: bool = False
    preempting: bool = False
    following: int = 0
    """The number of the next frame; those before are in the folder."""
    log_starts_at: int | None = None
    """How long the log here was before the first byte from there."""


def read_record(folder: Path) -> Record | None:
    """Read it; None where the attempt was never handed to Ray."""
    return protocol.read_model(folder / RECORD, Record)


def amend(folder: Path, **fields: Any) -> None:
    """Keep something more of it; a folder that is gone has nothing to keep."""
    with _AMENDING, contextlib.suppress(FileNotFoundError):
        record = read_record(folder) or Record(submission="")
        record = Record.model_validate({**record.model_dump(), **fields})
        protocol.write_model(folder / RECORD, record, durable=True)


class Mirror:
    """Puts frames into a folder, each once and in order, however often they come.

    Parameters
    ----------
    folder
        The attempt's folder here.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record = read_record(folder) or Record(submission="")
        # The next frame, and the next that does not go on with an unfinished file.
        self._next = self._whole = self._record.following
        self._parts: list[bytes] = []
        self._kept_at = monotonic()
        self.ended = False

    def rewind(self) -> None:
        """Expect the frames from the beginning again; those that were put are passed over."""
        self._next = self._whole
        self._parts.clear()

    def put(self, frame: Frame) -> None:
        """Put one frame.

        Raises
        ------
        Damaged
            When one is missing before it, or it leads out of the folder.
        """
        if frame.number < self._next:
            return
        if frame.number > self._next:
            raise Damaged(f"Frame {self._next} of the job's log is missing.")
        self._next += 1
        if frame.ends:
            self.ended = True
        elif frame.size is None:
            self._grow(frame)
        else:
            self._replace(frame)
        if not self._parts:
            self._whole = self._next
            if monotonic() - self._kept_at > KEEP_S:
                self._keep()

    def _keep(self) -> None:
        """Remember how far it is; what comes again after a crash is written over itself."""
        self._kept_at = monotonic()
        amend(self._folder, following=self._whole, log_starts_at=self._record.log_starts_at)

    def _grow(self, frame: Frame) -> None:
        path = self._path(frame.file)
        start = 0
        if frame.file == protocol.LOG:
            if self._record.log_starts_at is None:
                self._record.log_starts_at = path.stat().st_size if path.exists() else 0
                self._keep()
            start = self._record.log_starts_at
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.pwrite(handle, frame.data, start + frame.at)
        finally:
            os.close(handle)

    def _replace(self, frame: Frame) -> None:
        self._parts.append(frame.data)
        if not frame.completes:
            return
        content = b"".join(self._parts)
        self._parts.clear()
        path = self._path(frame.file)
        if frame.file == protocol.RESULT:
            content = self._told(content)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content, durable=frame.file == protocol.RESULT)
        if frame.mode & 0o100:
            path.chmod(0o700)

    def _told(self, content: bytes) -> bytes:
        """Say that the attempt was preempted, where it was stopped for that."""
        record = read_record(self._folder)
        result = protocol.Result.model_validate_json(content)
        if record is None or not record.preempting or result.outcome != "stopped":
            return content
        return result.model_copy(update={"outcome": "preempted"}).model_dump_json().encode()

    def _path(self, name: str) -> Path:
        path = self._folder / name
        tops = (f"{protocol.WORK}/", f"{protocol.CHECKPOINT}/")
        within = name.startswith(tops) and ".." not in Path(name).parts
        if name not in LISTED and not within:
            raise Damaged(f"The job's log holds a file {name!r} that is none of an attempt's.")
        return path
