# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""Bytes in files that are named by their hash, so that only what is missing travels.

Large pieces have files of their own, so that an array that did not change is the same files again;
small pieces lie together in one file. Where a piece lies is told by extents: ``[part, offset,
length]``, a part being a number in the writer's list.
"""

import hashlib
import io
import mmap
import os
import shutil
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

CHUNK_BYTES = 64 << 20
LARGE_BYTES = 1 << 20
PIECE_BYTES = 1 << 20
PARTS = "parts"
# Hashing, reading and writing let other threads run; more of them only wait for the disk.
THREADS = min(4, os.cpu_count() or 1)


class Damaged(Exception):
    """A part is not what was written."""


class Writer:
    """Writes pieces below a folder; each file is whole when it has its name.

    Parameters
    ----------
    folder
        Files go to its subfolder ``parts``; None counts, and keeps nothing.
    chunk_bytes
        The largest file.
    """

    def __init__(self, folder, chunk_bytes=CHUNK_BYTES):
        self.parts = []
        self.total_bytes = 0
        self._chunk = chunk_bytes
        self._small, self._small_bytes, self._small_part = [], 0, None
        self._folder = None if folder is None else os.path.join(folder, PARTS)
        self._unfinished, self._writing = None, set()
        if folder is not None:
            self._threads = ThreadPoolExecutor(THREADS, "labstudio-pack")
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            self._unfinished = _beside(folder)

    def add(self, data):
        """Take a piece (any contiguous buffer); return its extents."""
        view = memoryview(data)
        view = view if view.ndim == 1 and view.format == "B" else view.cast("B")
        size = view.nbytes
        self.total_bytes += size
        if self._folder is None or not size:
            return []
        if size >= LARGE_BYTES:
            return [
                self._large(view[start : start + self._chunk])
                for start in range(0, size, self._chunk)
            ]
        if self._small_part is None:
            self._small_part = self._reserve()
        extent = [self._small_part, self._small_bytes, size]
        self._small.append(bytes(view))
        self._small_bytes += size
        if self._small_bytes >= self._chunk:
            self._flush()
        return [extent]

    def finish(self):
        """Write what is left; the list of parts is complete then.

        Raises
        ------
        OSError
            When something could not be written.
        """
        self._flush()
        for each in self._writing:
            each.result()

    def tell(self, path, content):
        """Write a last file, which tells of the parts."""
        self._place(path, memoryview(content), 0)

    def close(self):
        """Remove what is unfinished."""
        if self._unfinished is not None:
            self._threads.shutdown()
            shutil.rmtree(self._unfinished, ignore_errors=True)

    def _reserve(self):
        self.parts.append(None)
        return len(self.parts) - 1

    def _large(self, view):
        """Have a file written while pickling goes on, which may only get so far ahead."""
        number = self._reserve()
        self._writing.add(self._threads.submit(self._write, number, view))
        while sum(not each.done() for each in self._writing) > THREADS:
            wait([each for each in self._writing if not each.done()], None, FIRST_COMPLETED)
        return [number, 0, view.nbytes]

    def _flush(self):
        if self._small_part is not None:
            self._write(self._small_part, memoryview(b"".join(self._small)))
        self._small, self._small_bytes, self._small_part = [], 0, None

    def _write(self, number, view):
        digest = hashlib.sha256(view).hexdigest()
        self.parts[number] = {"sha256": digest, "size_bytes": view.nbytes}
        path = os.path.join(self._folder, digest)
        try:
            if os.stat(path).st_size == view.nbytes:
                return
        except FileNotFoundError:
            pass
        self._place(path, view, number)

    def _place(self, path, view, number):
        # Two threads may be at the same content.
        temporary = os.path.join(self._unfinished, f"{os.path.basename(path)}.{number}")
        with open(temporary, "wb", buffering=0) as file:
            done = 0
            while done < view.nbytes:
                done += file.write(view[done:])
        os.replace(temporary, path)


def _beside(folder):
    """Make a folder for what is unfinished, so that it is not brought along with the rest."""
    place = folder.rstrip("/") + ".unfinished"
    if not os.access(os.path.dirname(place), os.W_OK):
        place = os.path.join(folder, ".unfinished")  # a mount, such as a container's
    os.makedirs(place, mode=0o700, exist_ok=True)
    return place


class Reader:
    """Reads pieces, and checks each against its hash.

    Parameters
    ----------
    folder
        What the writer was given.
    parts
        The writer's list.
    """

    def __init__(self, folder, parts):
        self._folder = os.path.join(folder, PARTS)
        self._parts = parts
        self._kept = (None, None)

    def open(self, extents):
        """Return a file of some extents."""
        return io.BufferedReader(_Extents(self, extents), buffer_size=1 << 20)

    def read(self, extents):
        """Return the bytes of some extents, in memory that may be written to."""
        target = _memory(sum(extent[2] for extent in extents))
        view, place, whole = memoryview(target), 0, []
        for number, offset, length in extents:
            piece = view[place : place + length]
            place += length
            if offset or length != self._parts[number]["size_bytes"]:
                piece[:] = self.small(number)[offset : offset + length]
            else:
                whole.append((number, piece))
        with ThreadPoolExecutor(THREADS, "labstudio-read") as threads:
            list(threads.map(self._whole, whole))
        return target

    def _whole(self, told):
        """Read a whole part into its place."""
        number, target = told
        source, place = _Extents(self, [[number, 0, target.nbytes]]), 0
        while place < target.nbytes:
            place += source.readinto(target[place : place + PIECE_BYTES])

    def part(self, number):
        """Return the path and hash of a part.

        Raises
        ------
        Damaged
            When it is not there, or not as long as it was.
        """
        told = self._parts[number]
        path = os.path.join(self._folder, told["sha256"])
        try:
            if os.stat(path).st_size == told["size_bytes"]:
                return path, told["sha256"], told["size_bytes"]
        except FileNotFoundError:
            pass
        raise Damaged("A part of what was packed is missing: {}.".format(told["sha256"]))

    def small(self, number):
        """Return the whole of a part that many pieces share; the last one is kept."""
        if self._kept[0] != number:
            path, digest, _ = self.part(number)
            with open(path, "rb") as file:
                content = file.read()
            check(hashlib.sha256(content), digest)
            self._kept = (number, memoryview(content))
        return self._kept[1]


def _memory(size):
    """Return memory that is not written to before it is filled."""
    if size < LARGE_BYTES:
        return bytearray(size)
    return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def check(found, digest):
    """Compare a hash with what it must be."""
    if found.hexdigest() != digest:
        raise Damaged("A part of what was packed has changed: {}.".format(digest))


class _Extents(io.RawIOBase):
    """Some extents, one after another, as a file; what is read as a whole is hashed on the way."""

    def __init__(self, reader, extents):
        self._reader, self._left = reader, list(extents)
        self._file = self._hash = self._memory = None
        self._remaining = 0

    def readable(self):
        return True

    def readinto(self, target):
        if not self._remaining:
            if not self._left:
                return 0
            self._next()
        wanted = min(len(target), self._remaining)
        view = memoryview(target)[:wanted]
        if self._memory is not None:
            view[:] = self._memory[:wanted]
            self._memory = self._memory[wanted:]
            self._remaining -= wanted
            return wanted
        count = self._file.readinto(view)
        if not count:
            raise Damaged("A part of what was packed ends too early.")
        self._hash.update(view[:count])
        self._remaining -= count
        if not self._remaining:
            self._file.close()
            check(self._hash, self._digest)
        return count

    def _next(self):
        number, offset, length = self._left.pop(0)
        path, digest, size = self._reader.part(number)
        self._remaining = length
        if offset or length != size:
            self._memory = self._reader.small(number)[offset : offset + length]
        else:
            self._memory = None
            self._file = open(path, "rb", buffering=0)
            self._hash, self._digest = hashlib.sha256(), digest
