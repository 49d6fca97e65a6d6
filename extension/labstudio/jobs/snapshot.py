"""The snapshot: the code and files of a job as they were at submission, by content.

A file is copied once under its SHA-256 in the home's ``blobs`` folder, however many jobs carry it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from labstudio.errors import InvalidInput, TooLarge, Unavailable
from labstudio.jobs.models import Snapshot, SnapshotFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from labstudio.home import Home

CHUNK_BYTES = 1 << 20
_FICLONE = 0x40049409
_HASH = re.compile("[0-9a-f]{64}")


def blob_path(home: Home, sha256: str) -> Path:
    """Return where the content of that hash lies."""
    return home.blobs / sha256[:2] / sha256


def touched(home: Home, sha256: str) -> bool:
    """Say that some content is wanted now; return whether it is kept."""
    return _touched(blob_path(home, sha256))


def store_bytes(home: Home, content: bytes) -> str:
    """Keep some content; return its SHA-256."""
    sha256 = hashlib.sha256(content).hexdigest()
    target = blob_path(home, sha256)
    if _touched(target):
        return sha256
    with _incoming(target) as file:
        file.write(content)
        _settle(file, target)
    return sha256


def store_file(home: Home, source: Path) -> tuple[str, int]:
    """Keep a file's content as it is now; return its SHA-256 and length in bytes.

    The copy is what is hashed, so a file that changes meanwhile gives one content or the other.
    """
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as reader, _incoming(home.blobs / "xx" / "incoming") as file:
        while chunk := reader.read(CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        sha256 = digest.hexdigest()
        target = blob_path(home, sha256)
        if _touched(target):
            Path(file.name).unlink()
        else:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            _settle(file, target)
    return sha256, size


def take(
    home: Home,
    entry: str,
    files: Iterable[tuple[str, Path]],
    contents: Mapping[str, bytes] | None = None,
    *,
    limit_bytes: int = 0,
) -> Snapshot:
    """Take a snapshot.

    Parameters
    ----------
    home
        The studio home that keeps it.
    entry
        The path, in the snapshot, of the file that runs.
    files
        Pairs of path in the snapshot and file on disk.
    contents
        Files given by content, by path in the snapshot.
    limit_bytes
        The most that all files together may hold; 0 for no limit.

    Raises
    ------
    TooLarge
        When they hold more.
    Unavailable
        When the home cannot be written, its disk being full for instance.
    """
    taken: dict[str, SnapshotFile] = {}
    total = 0
    try:
        for path, content in (contents or {}).items():
            taken[path] = SnapshotFile(
                path=path, sha256=store_bytes(home, content), size_bytes=len(content)
            )
        for path, source in files:
            total += _readable_size(source)
            _within(total, limit_bytes)
            sha256, size = store_file(home, source)
            mode = 0o755 if os.access(source, os.X_OK) else 0o644
            taken[path] = SnapshotFile(path=path, sha256=sha256, size_bytes=size, mode=mode)
    except OSError as error:
        raise Unavailable(
            f"The job's files cannot be kept in {home.path}: {error.strerror or error}."
        ) from error
    return Snapshot(entry=entry, files=list(taken.values()))


def verify(home: Home, snapshot: Snapshot, limit_bytes: int = 0) -> None:
    """Check a snapshot that was taken elsewhere.

    Raises
    ------
    InvalidInput
        When a path leaves its folder, the entry is not among the files, or content is missing.
    TooLarge
        When the files hold more than `limit_bytes`; 0 for no limit.
    """
    total = 0
    wanted = [(file.path, file.sha256) for file in snapshot.everything]
    declared = {file.sha256 for file in snapshot.inputs}
    if snapshot.entry not in dict(wanted):
        raise InvalidInput(
            f"The entry {snapshot.entry!r} is not among the files.", field="snapshot.entry"
        )
    if snapshot.payload is not None:
        wanted.append(("the carried names", snapshot.payload))
    for path, sha256 in wanted:
        _inside(path)
        blob = blob_path(home, sha256)
        # Its time says that it is wanted now, and is not swept away.
        if not (_HASH.fullmatch(sha256) and _touched(blob)):
            raise InvalidInput(f"The content of {path!r} was not uploaded.", field="snapshot.files")
        total += 0 if sha256 == snapshot.payload or sha256 in declared else blob.stat().st_size
    _within(total, limit_bytes)


@contextmanager
def receiving(home: Home, sha256: str) -> Iterator[Callable[[bytes], None]]:
    """Keep content that arrives in pieces, if it is what was promised; give what takes a piece.

    Raises
    ------
    InvalidInput
        When it has another hash; nothing is kept then.
    """
    if not _HASH.fullmatch(sha256):
        raise InvalidInput(f"{sha256[:80]!r} is no SHA-256.", field="sha256")
    target, digest = blob_path(home.create(), sha256), hashlib.sha256()
    with _incoming(target) as file:

        def take_piece(piece: bytes) -> None:
            digest.update(piece)
            file.write(piece)

        yield take_piece
        if digest.hexdigest() != sha256:
            raise InvalidInput("The content is not that of the SHA-256 promised.", field="sha256")
        _settle(file, target)


def materialise(home: Home, snapshot: Snapshot, folder: Path) -> None:
    """Lay a snapshot out in a folder: files as copies that a job may change, inputs read-only."""
    for file in (*snapshot.inputs, *snapshot.files):
        target = folder / _inside(file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        _copy(blob_path(home, file.sha256), target)
        target.chmod(file.mode)


def _copy(source: Path, target: Path) -> None:
    """Copy a file, without its bytes where the file system can share them until one changes."""
    with source.open("rb") as reader, target.open("wb") as writer:
        try:
            fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
        except OSError:
            shutil.copyfile(source, target)


def _inside(path: str) -> PurePosixPath:
    relative = PurePosixPath(path)
    if relative.is_absolute() or ".." in relative.parts:
        raise InvalidInput(f"The snapshot's path {path!r} leaves its folder.", field="files")
    return relative


def _within(total: int, limit_bytes: int) -> None:
    if limit_bytes and total > limit_bytes:
        raise TooLarge(
            f"The files of the job hold more than {limit_bytes} bytes; "
            "choose fewer, or raise snapshot_limit_bytes.",
            field="files",
        )


def _readable_size(source: Path) -> int:
    try:
        return source.stat().st_size
    except OSError as error:
        raise InvalidInput(
            f"The file {source} cannot be read: {error.strerror}.", field="files"
        ) from error


def _touched(target: Path) -> bool:
    """Tell whether the blob is there; its time then says that somebody wants it now."""
    try:
        os.utime(target)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _incoming(target: Path) -> Iterator[tempfile._TemporaryFileWrapper[bytes]]:
    """Open a file under a passing name; nothing stays of it when it cannot be written whole."""
    target.parent.mkdir(mode=0o700, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".in-", delete=False) as file:
        try:
            yield file
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise


def _settle(file: tempfile._TemporaryFileWrapper[bytes], target: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    Path(file.name).replace(target)
