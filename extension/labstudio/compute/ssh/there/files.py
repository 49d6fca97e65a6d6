"""Files on the host: by content under ``blobs``, and laid out in folders."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Callable

PIECE_BYTES = 1 << 18
LOCK_WAIT_S = 15.0

Request = dict[str, Any]
Send = Callable[..., None]


class Files:
    """What is kept below one folder of the host.

    Parameters
    ----------
    root
        The studio's folder here.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs"
        self._incoming: dict[str, _Incoming] = {}

    def path(self, name: str) -> Path:
        """Return a path below the root, or the absolute one that is named."""
        return self.root / os.path.expanduser(name)

    def blob(self, sha256: str) -> Path:
        """Return where the content of that hash lies."""
        return self.blobs / sha256[:2] / sha256

    # -- bringing content here

    def missing(self, request: Request) -> Request:
        """Say which contents are not here, and how much of each is; what is here is wanted now."""
        lacking: dict[str, int] = {}
        for sha256 in request["sha256"]:
            try:
                os.utime(self.blob(sha256))
            except FileNotFoundError:
                part = self.blob(sha256).with_suffix(".part")
                lacking[sha256] = part.stat().st_size if part.exists() else 0
        return {"missing": lacking}

    def put(self, request: Request, body: bytes) -> Request | None:
        """Take a piece of a content; the answer comes with the last one.

        The whole is checked against its hash before it counts as here.
        """
        key, offset = request["key"], request["offset"]
        incoming = self._incoming.get(key)
        if request.get("first") and incoming is not None:
            incoming.close()  # Sending it was given up.
            incoming = None
        if incoming is None:
            if not request.get("first"):
                return None  # What follows a piece that was refused.
            target = self.blob(key) if request.get("blob", True) else self.path(request["path"])
            incoming = self._incoming[key] = _Incoming(target, offset)
        try:
            incoming.write(body)
            if not request.get("last"):
                return None
            incoming.settle(request["sha256"])
        except BaseException:
            incoming.close()
            del self._incoming[key]
            raise
        del self._incoming[key]
        return {"sha256": request["sha256"]}

    def lay(self, request: Request, body: bytes) -> Request:
        """Write small files below a folder, each whole or not at all."""
        folder, at = self.path(request["folder"]), 0
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, size in request["files"]:
            replace(folder / name, body[at : at + size])
            at += size
        return {}

    def unpack(self, request: Request) -> Request:
        """Unpack a zip that is here by content, once."""
        folder = self.path(request["folder"])
        if folder.exists():
            os.utime(folder)
            return {"folder": str(folder)}
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        passing = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".new-"))
        try:
            with zipfile.ZipFile(self.blob(request["sha256"])) as archive:
                archive.extractall(passing)
            try:
                passing.rename(folder)
            except OSError:
                if not folder.exists():  # Somebody else was quicker otherwise.
                    raise
        finally:
            shutil.rmtree(passing, ignore_errors=True)
        return {"folder": str(folder)}

    # -- bringing content back

    def digest(self, request: Request) -> Request:
        """Return length, time, and hash of files; None for one that is not there."""
        return {"files": {name: self._about(name) for name in request["paths"]}}

    def _about(self, name: str) -> dict[str, Any] | None:
        path = self.path(name)
        try:
            stat = path.stat()
            if not path.is_file():
                return None
            about = {"size": stat.st_size, "mtime": stat.st_mtime, "mode": stat.st_mode & 0o777}
            return {**about, "sha256": hash_of(path)}
        except FileNotFoundError:
            return None

    def tree(self, request: Request) -> Request:
        """Name the files below a folder, relative to it; none where there is no such folder."""
        top = self.path(request["path"])
        found = [path for path in top.rglob("*") if path.is_file() and not path.is_symlink()]
        return {"files": sorted(str(path.relative_to(top)) for path in found)}

    def get(self, request: Request, send: Send) -> Request:
        """Send a file from an offset on, in pieces; the answer tells the hash of the whole."""
        path, offset = self.path(request["path"]), int(request.get("offset", 0))
        digest, sent = hashlib.sha256(), 0
        with path.open("rb") as file:
            while sent < offset and (piece := file.read(min(PIECE_BYTES, offset - sent))):
                digest.update(piece)
                sent += len(piece)
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
                send({}, piece)
        return {"sha256": digest.hexdigest()}

    # -- looking and removing

    def remove(self, request: Request) -> Request:
        """Remove a folder below the root."""
        path = self.path(request["path"]).absolute()
        if self.root.absolute() not in path.parents:
            raise ValueError("only what lies below the studio's folder is removed")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=request.get("leniently", False))
        else:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        return {}

    def age(self, request: Request) -> Request:
        """Remove what nobody has wanted for so many seconds, by folder; return how many."""
        removed, now = 0, time.time()
        in_use = set(request.get("in_use", ()))
        for folder, limit_s in request["limits"].items():
            for path in self.root.glob(folder):
                with contextlib.suppress(OSError):
                    if now - path.stat().st_mtime > limit_s and str(path) not in in_use:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
                        removed += 1
        return {"removed": removed}


class _Incoming:
    """A content that is being written under a passing name."""

    def __init__(self, target: Path, offset: int) -> None:
        self.target = target
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.part = target.with_suffix(target.suffix + ".part")
        self._file = self._own(time.monotonic() + LOCK_WAIT_S)
        self._digest = hashlib.sha256()
        self._file.truncate(offset)
        self._file.seek(offset)
        if offset:
            with self.part.open("rb") as begun:
                while piece := begun.read(PIECE_BYTES):
                    self._digest.update(piece)

    def _own(self, deadline: float) -> BinaryIO:
        """Open the passing file for this process alone.

        A helper of a connection that was cut may be at it still, with what it had received.
        """
        while True:
            file = os.fdopen(os.open(self.part, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(file.fileno()), self.part.stat()):
                    return file
            except FileNotFoundError:
                pass  # It was settled meanwhile, and is not ours to write any more.
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            file.close()

    def write(self, piece: bytes) -> None:
        self._file.write(piece)
        self._digest.update(piece)

    def settle(self, sha256: str) -> None:
        if self._digest.hexdigest() != sha256:
            self.part.unlink()
            raise ValueError("what came is not what was sent; it is sent anew the next time")
        self.part.replace(self.target)
        self.close()

    def close(self) -> None:
        self._file.close()


def hash_of(path: Path) -> str:
    """Return a file's SHA-256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES * 4):
            digest.update(piece)
    return digest.hexdigest()


def replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, passing = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(passing, path)
    except BaseException:
        os.unlink(passing)
        raise
