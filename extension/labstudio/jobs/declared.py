"""Declared inputs: data that a job has in its working folder, kept by content as it is now.

A file that was hashed before and has not changed since (its size, its time, its inode) is not read
again: what a file's hash was is remembered in the home, as long as the content is kept there.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from labstudio.errors import InvalidInput, NotFound, Unavailable
from labstudio.home import write_atomic
from labstudio.jobs.models import SnapshotFile
from labstudio.jobs.snapshot import store_file, touched

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from labstudio.home import Home

CACHE = "input-hashes.json"
REMEMBERED = 50_000
# A file that was changed so shortly ago may be changed again without its time telling so.
FRESH_S = 2.0
READ_ONLY = 0o444

_Stamp = tuple[int, int, int]


def take_inputs(
    home: Home,
    inputs: Mapping[str, str],
    folder: Path,
    root: Path | None,
    taken: Collection[str] = (),
) -> list[SnapshotFile]:
    """Keep the files and folders that a job declares.

    Parameters
    ----------
    home
        The home that keeps them.
    inputs
        The path of each in the working folder, and where it is taken from.
    folder
        What the latter are relative to.
    root
        The folder that they may not leave; None trusts the caller.
    taken
        Paths in the working folder that the job's own files have.

    Raises
    ------
    InvalidInput
        When a path leaves its folder, or two files would lie at one place.
    NotFound
        When there is nothing to take.
    """
    found: dict[str, SnapshotFile] = {}
    if not inputs:
        return []
    hashes = _Hashes(home)
    try:
        for name, source in inputs.items():
            for path, file in _files(_checked_name(name), _resolved(name, source, folder, root)):
                if path in found or path in taken:
                    raise InvalidInput(f"inputs: {path!r} is there twice.", field="inputs")
                if root is not None and not file.resolve().is_relative_to(root.resolve()):
                    raise _leaves(name)
                sha256, size = hashes.of(file)
                found[path] = SnapshotFile(
                    path=path,
                    sha256=sha256,
                    size_bytes=size,
                    mode=READ_ONLY,
                    source=str(file.resolve()),
                )
        hashes.save()
    except OSError as error:
        raise Unavailable(
            f"The job's inputs cannot be kept in {home.path}: {error.strerror or error}."
        ) from error
    return list(found.values())


def _checked_name(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or str(path) == ".":
        raise InvalidInput(
            f"inputs: {name!r} should be a path within the working folder.", field="inputs"
        )
    return str(path)


def _resolved(name: str, source: str, folder: Path, root: Path | None) -> Path:
    if root is None:
        found = (folder / Path(source).expanduser()).absolute()
    else:
        # Over REST a leading slash means the root, as everywhere.
        found = root / source.lstrip("/") if source.startswith("/") else folder / source
        if not found.resolve().is_relative_to(root.resolve()):
            raise _leaves(name)
    if not found.exists():
        raise NotFound(f"inputs: {source!r} does not exist.", field="inputs")
    return found


def _leaves(name: str) -> InvalidInput:
    return InvalidInput(f"inputs: {name!r} leads out of the server's root.", field="inputs")


def _files(name: str, source: Path) -> Iterator[tuple[str, Path]]:
    """Return the file, or all files of the folder, with their paths in the working folder."""
    if source.is_file():
        yield name, source
        return
    empty = True
    for top, folders, files in os.walk(source):
        folders.sort()
        for each in sorted(files):
            path = Path(top) / each
            if path.is_file():
                empty = False
                yield f"{name}/{path.relative_to(source).as_posix()}", path
    if empty:
        raise InvalidInput(f"inputs: the folder {source.name!r} holds no file.", field="inputs")


class _Hashes:
    """What the hash of a file was when it was last read."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._path = home.path / CACHE
        self._new: dict[str, list[object]] = {}
        try:
            self._known: dict[str, list[object]] = json.loads(self._path.read_bytes())
        except (FileNotFoundError, ValueError):
            self._known = {}

    def of(self, file: Path) -> tuple[str, int]:
        """Return a file's SHA-256 and length, with its content kept."""
        key, stamp = str(file), _stamp(file)
        known = self._known.get(key)
        if known is not None and tuple(known[:3]) == stamp:
            sha256 = str(known[3])
            if touched(self._home, sha256):
                return sha256, stamp[0]
        sha256, size = store_file(self._home, file)
        unchanged = _stamp(file) == stamp and size == stamp[0]
        if unchanged and time.time() - stamp[1] / 1e9 > FRESH_S:
            self._new[key] = [*stamp, sha256]
        return sha256, size

    def save(self) -> None:
        """Remember what is new; the oldest is forgotten first."""
        if self._new:
            kept = list({**self._known, **self._new}.items())[-REMEMBERED:]
            write_atomic(self._path, json.dumps(dict(kept)), durable=False)


def _stamp(file: Path) -> _Stamp:
    found = file.stat()
    return found.st_size, found.st_mtime_ns, found.st_ino
