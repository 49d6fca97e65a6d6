"""Folders that are followed: what is new in them is sent as it comes, in order."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from typing import TYPE_CHECKING, Any

from labstudio.compute.ssh.there.attempts import RESULT, presence

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio.compute.ssh.there.files import Files, Request, Send

TICK_S = 0.03
PRESENCE_S = 0.3
PIECE_BYTES = 1 << 18
# A large file that is replaced often does not take the whole link.
SHARE_BYTES_S = 4e6


class Follower:
    """Sends what changes in some folders, from one thread.

    Parameters
    ----------
    files
        Knows where the folders lie.
    send
        Sends a frame; what it tells has the folder's number as ``follow``.
    """

    def __init__(self, files: Files, send: Send) -> None:
        self._files = files
        self._send = send
        self._folders: dict[int, _Folder] = {}
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)

    def follow(self, request: Request) -> Request:
        """Begin with a folder: files that grow, from an offset on, and files that are replaced."""
        folder = _Folder(self._files.path(request["folder"]), request, self._send)
        self._folders[request["number"]] = folder
        if not self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._thread.start()
        return {}

    def leave(self, request: Request) -> Request:
        """Follow a folder no more."""
        self._folders.pop(request["number"], None)
        return {}

    def _run(self) -> None:
        while True:
            for number, folder in list(self._folders.items()):
                try:
                    ended = folder.step()
                except OSError as error:
                    self._send({"follow": number, "trouble": str(error)})
                    ended = True
                if ended:
                    self._folders.pop(number, None)
            time.sleep(TICK_S)


class _Folder:
    def __init__(self, path: Path, request: dict[str, Any], send: Send) -> None:
        self._path = path
        self._number = request["number"]
        self._offsets: dict[str, int] = dict(request["grow"])
        self._replaced: dict[str, tuple[int, int]] = dict.fromkeys(request["replaced"], (0, 0))
        self._due: dict[str, float] = {}
        self._send = send
        self._told: str | None = None
        self._looked_at = 0.0

    def step(self) -> bool:
        """Send what is new; say whether the folder's result was sent, or will never come."""
        state = self._state()
        # Whatever the result is the result of was written before it.
        ended = (self._path / RESULT).exists()
        for name in self._offsets:
            self._grown(name)
        for name in self._replaced:
            self._changed(name, at_once=ended or state in ("gone", "rebooted"))
        if ended:
            self._tell({"name": RESULT}, (self._path / RESULT).read_bytes())
            return True
        if state is not None and state != self._told:
            self._told = state
            self._tell({"presence": state})
        return state in ("gone", "rebooted")

    def _state(self) -> str | None:
        now = time.monotonic()
        if self._told is not None and now - self._looked_at < PRESENCE_S:
            return None
        self._looked_at = now
        return presence(self._path)

    def _grown(self, name: str) -> None:
        path = self._path / name
        try:
            size = path.stat().st_size
        except FileNotFoundError:
            return
        if size <= self._offsets[name]:
            return
        with path.open("rb", buffering=0) as file:
            file.seek(self._offsets[name])
            # What is written meanwhile comes with the next step: the others have their turn.
            while self._offsets[name] < size:
                piece = file.read(min(PIECE_BYTES, size - self._offsets[name]))
                if not piece:
                    return
                self._tell({"name": name, "offset": self._offsets[name]}, piece)
                self._offsets[name] += len(piece)

    def _changed(self, name: str, *, at_once: bool) -> None:
        now = time.monotonic()
        if not at_once and now < self._due.get(name, 0.0):
            return
        try:
            with (self._path / name).open("rb") as file:
                stat = os.fstat(file.fileno())
                stamp = (stat.st_mtime_ns, stat.st_ino)
                if stamp == self._replaced[name]:
                    return
                content = file.read()
        except FileNotFoundError:
            return
        self._replaced[name] = stamp
        self._due[name] = now + len(content) / SHARE_BYTES_S
        self._tell({"name": name}, content)

    def _tell(self, head: dict[str, Any], body: bytes = b"") -> None:
        self._send({"follow": self._number, **head}, body)
