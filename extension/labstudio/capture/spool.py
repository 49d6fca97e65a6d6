"""The spool: what is logged, written to a file at once, and sent to MLflow by another process.

A line of a file is all that logging costs the training loop. What was written is kept by the
system even if this process is killed the next moment; the sender (`labstudio.capture.sender`), a
process of its own, brings it to the server, however long that one is away.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labstudio.home import PRIVATE_FOLDER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from labstudio.home import Home

LINES = "lines"
SENT = "sent"
TARGET = "target.json"
WRITER_LOCK = "writer.lock"
SENDER_LOCK = "sender.lock"
REFUSED = "refused"
FILES = "files"
LOG = "sender.log"

LOOK_S = 0.005

_started: list[subprocess.Popen[bytes]] = []


def root(home: Home | None) -> Path:
    """Return where the spools of a home lie; without a home, where those of this user do."""
    if home is not None:
        return home.path / "spool"
    return Path(tempfile.gettempdir()) / f"labstudio-spool-{os.getuid()}"


class Spool:
    """One process's way to one MLflow server; its methods may be called from any thread.

    Parameters
    ----------
    home
        The studio whose tracking server it is; None for another server.
    uri
        That server, as MLflow names it.
    """

    def __init__(self, home: Home | None, uri: str) -> None:
        base = root(home)
        base.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        if base.stat().st_uid != os.getuid():
            raise PermissionError(f"{base} belongs to somebody else.")
        self.folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=base))
        (self.folder / FILES).mkdir()
        target = {"uri": uri, "home": str(home.path) if home else None}
        (self.folder / TARGET).write_text(json.dumps(target))
        # Held as long as this process lives: the sender sees by it that no more will come.
        self._lock = os.open(self.folder / WRITER_LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._lines = os.open(self.folder / LINES, flags, 0o600)
        self._kept = 0
        self._encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
        self._sender = start_sender(self.folder)

    def metrics(self, run_id: str, values: Mapping[str, float], step: int, at_ms: int) -> None:
        """Log metrics of one step."""
        self.write({"r": run_id, "m": values, "s": step, "t": at_ms})

    def write(self, record: Mapping[str, Any]) -> None:
        """Write a record; the system keeps it from now on."""
        os.write(self._lines, (self._encode(record) + "\n").encode())

    def keep(self, content: bytes | Path, name: str) -> str:
        """Keep a file for the sender; return its name in the spool."""
        self._kept += 1
        kept = f"{FILES}/{self._kept}-{Path(name).name}"
        target = self.folder / kept
        if isinstance(content, Path):
            shutil.copyfile(content, target)
        else:
            target.write_bytes(content)
        return kept

    def sync(self, timeout_s: float) -> bool:
        """Wait until the server has what was written so far; say whether it has."""
        until = time.monotonic() + timeout_s
        end = os.fstat(self._lines).st_size
        if sent(self.folder) >= end:
            return True
        self.write({"sync": 1})
        while sent(self.folder) < end:
            if time.monotonic() > until:
                return False
            if self._sender.poll() is not None:
                self._sender = start_sender(self.folder)
            time.sleep(LOOK_S)
        return True

    def close(self) -> None:
        """Say that no more will come; the sender sends what there is and ends."""
        os.close(self._lines)
        os.close(self._lock)

    def refused(self) -> str | None:
        """Return why the server refused something, once."""
        with contextlib.suppress(OSError):
            text = (self.folder / REFUSED).read_text()
            (self.folder / REFUSED).unlink()
            return text.strip() or None
        return None


def sent(folder: Path) -> int:
    """Return how many bytes of the lines have reached the server."""
    try:
        return int((folder / SENT).read_bytes() or b"0")
    except (OSError, ValueError):
        return 0


def start_sender(folder: Path) -> subprocess.Popen[bytes]:
    """Start the process that sends what a spool holds; it outlives this one."""
    with (folder / LOG).open("ab") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", "labstudio.capture.sender", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # One that nobody holds any more is waited for here: else it stays as a dead process.
    _started[:] = [each for each in _started if each.poll() is None] + [started]
    return started


def resume_left(home: Home) -> list[Path]:
    """Start a sender for each spool whose writer and sender are gone; return their folders.

    That happens when the machine stopped, or the server was away for longer than a sender lives.
    """
    found = []
    for folder in sorted(root(home).glob("*")):
        if (
            (folder / TARGET).exists()
            and is_free(folder, WRITER_LOCK)
            and is_free(folder, SENDER_LOCK)
        ):
            start_sender(folder)
            found.append(folder)
    return found


def is_free(folder: Path, name: str) -> bool:
    """Tell whether nobody holds a lock of a spool."""
    try:
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True
