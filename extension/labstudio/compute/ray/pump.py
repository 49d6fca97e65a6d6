"""Reads an attempt's folder on a node and prints what is new in it, as frames."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING

from labstudio.compute.ray.frames import CHUNK_BYTES, Frame, encode
from labstudio.jobs.runner import protocol
from labstudio.jobs.runner.protocol import MEGABYTE, WORK, OutputFiles
from labstudio.namespace.models import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GROWING = (protocol.LOG, protocol.RESOURCES)
REPLACED = (protocol.STATUS, protocol.NOTEBOOK)
# A file that is replaced often goes again only after so long, and longer when it is large.
AGAIN_S = 1.0
AGAIN_S_PER_MEGABYTE = 10.0


class Pump:
    """Sends a folder's content, each byte once.

    Parameters
    ----------
    folder
        The attempt's folder on this node.
    write
        Takes a frame's line.
    """

    def __init__(self, folder: Path, write: Callable[[bytes], None]) -> None:
        self._folder = folder
        self._write = write
        self._number = 0
        self._sent = dict.fromkeys(GROWING, 0)
        self._stamps: dict[str, int] = {}
        self._due: dict[str, float] = {}

    def step(self, *, last: bool = False) -> bool:
        """Send what is new; say whether there was anything.

        Parameters
        ----------
        last
            Nothing is written any more: what was held back goes too.
        """
        before = self._number
        for name in GROWING:
            self._grow(name)
        for name in REPLACED:
            self._replace(name, last=last)
        return self._number > before

    def send(self, path: str, at: Path | None = None) -> None:
        """Send a file whole, if it is there."""
        source = at or self._folder / path
        try:
            with source.open("rb") as file:
                stat = os.fstat(file.fileno())
                sent = 0
                # What grows meanwhile is sent as it was; what shrinks is not waited for.
                while sent < stat.st_size or not sent:
                    data = file.read(min(CHUNK_BYTES, stat.st_size - sent))
                    short = sent + len(data) < stat.st_size and not data
                    size = sent if short else stat.st_size
                    self._put(path, sent, data, size, stat.st_mode & 0o777)
                    sent += len(data)
                    if not data:
                        break
        except (FileNotFoundError, IsADirectoryError):
            return

    def end(self) -> None:
        """Say that nothing comes any more."""
        self._put("", 0, b"", None, 0)

    def _grow(self, name: str) -> None:
        try:
            with (self._folder / name).open("rb") as file:
                file.seek(self._sent[name])
                while data := file.read(CHUNK_BYTES):
                    self._put(name, self._sent[name], data, None, 0)
                    self._sent[name] += len(data)
        except FileNotFoundError:
            return

    def _replace(self, name: str, *, last: bool) -> None:
        try:
            stat = (self._folder / name).stat()
        except FileNotFoundError:
            return
        now = monotonic()
        if stat.st_mtime_ns == self._stamps.get(name):
            return
        if not last and name == protocol.NOTEBOOK and now < self._due.get(name, 0.0):
            return
        self._stamps[name] = stat.st_mtime_ns
        self._due[name] = now + max(AGAIN_S, AGAIN_S_PER_MEGABYTE * stat.st_size / MEGABYTE)
        self.send(name)

    def _put(self, path: str, at: int, data: bytes, size: int | None, mode: int) -> None:
        self._write(encode(Frame(self._number, path, at, size, mode, data)))
        self._number += 1


def kept(folder: Path) -> list[tuple[str, Path]]:
    """Return the files of a notebook's kept variables, by their paths; what tells of them last."""
    top = folder / protocol.CHECKPOINT
    found = [at for at in top.rglob("*") if at.is_file() and not at.is_symlink()]
    found.sort(key=lambda at: (at.name == MANIFEST, at))
    return [(at.relative_to(folder).as_posix(), at) for at in found]


def outputs(folder: Path) -> list[tuple[str, Path]]:
    """Return the files that an attempt gives back, by their paths in its folder."""
    listed = protocol.read_model(folder / protocol.OUTPUTS, OutputFiles) or OutputFiles()
    found = [(f"{WORK}/{each.path}", folder / WORK / each.path) for each in listed.items]
    pickled = folder / protocol.RESULT_PICKLE
    if pickled.exists():
        found.append((protocol.RESULT_PICKLE, pickled))
    return [(path, at) for path, at in found if at.is_file() and not at.is_symlink()]
