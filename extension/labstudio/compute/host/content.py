"""The content of files, by its SHA-256: hashed, and kept while it is on its way to its place."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import tempfile
import time
from pathlib import Path
from typing import BinaryIO

CHUNK_BYTES = 1 << 20
STAGED_S = 24 * 3600.0
"""Content that waits longer for its place is removed."""


class Staging:
    """Some content on its way into a folder; it counts once it is whole and what it should be.

    Parameters
    ----------
    store
        Where it waits for its place.
    sha256
        What it should be.
    size
        Its length, where that alone is to be seen to: whoever reads it checks the hash.
    """

    def __init__(self, store: Path, sha256: str, size: int | None = None) -> None:
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError("sha256 is none.")
        self._target = store / sha256
        self._digest = hashlib.sha256() if size is None else None
        self._lacking = size
        handle, self._passing = tempfile.mkstemp(dir=store, prefix=".in-")
        self._file: BinaryIO = os.fdopen(handle, "wb")

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        if self._digest is not None:
            self._digest.update(piece)
        if self._lacking is not None:
            self._lacking -= len(piece)
        self._file.write(piece)

    def __enter__(self) -> Staging:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._file.close()
        passing = Path(self._passing)
        if kind is None and self._is_whole():
            passing.replace(self._target)
            return
        passing.unlink()
        if kind is None:
            raise ValueError("it has changed meanwhile")

    def _is_whole(self) -> bool:
        if self._digest is None:
            return self._lacking == 0
        return self._digest.hexdigest() == self._target.name


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while piece := file.read(CHUNK_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def forget_old(store: Path) -> None:
    """Remove content whose transfer was interrupted and never taken up again."""
    for each in store.iterdir():
        with contextlib.suppress(OSError):
            if each.suffix != ".json" and time.time() - each.stat().st_mtime > STAGED_S:
                each.unlink()
