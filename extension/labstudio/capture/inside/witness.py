"""Sees what a job's code reads, and says so at its end."""

from __future__ import annotations

import platform
import queue
import threading
from typing import Any, Callable

from .imports import OnImport
from .machine import hardware, packages, python
from .prints import fingerprint
from .reads import READERS, Read, Reads

# A loop over a folder of images is not a list of data sets.
DATA_LIMIT = 1000


class Witness:
    """Fingerprints what is read, on a thread of its own.

    Parameters
    ----------
    failed
        Is told what could not be recorded.
    """

    def __init__(self, failed: Callable[[Exception], None] = lambda _: None) -> None:
        self.reads = Reads(self._read)
        self.reads.failed = failed
        self.data: dict[str, dict[str, Any]] = {}
        self._failed = failed
        self._known: dict[Any, Read] = {}
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="labstudio-capture", daemon=True).start()

    def watch(self) -> None:
        """See what is read from now on."""
        self.reads.install()
        self.reads.watching = True

    def wrappers(self) -> dict[str, Callable[[Any], None]]:
        """Return what is done with each module that reads, once it is loaded."""
        return {
            name: lambda module, name=name: self.reads.wrap(module, name)  # type: ignore[misc]
            for name in READERS
        }

    def later(self, job: Callable[[], None]) -> None:
        """Do something on the thread."""
        self._jobs.put(job)

    def settle(self, timeout_s: float) -> bool:
        """Wait until the thread has done what it has; say whether it did."""
        done = threading.Event()
        self.later(done.set)
        return done.wait(timeout_s)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            try:
                job()
            except Exception as error:  # nothing here may break the user's code
                self._failed(error)

    def _read(self, read: Read) -> None:
        key = (read.path, read.seen) if read.path else id(read)
        known = self._known.get(key)
        if known is None:
            if len(self.data) < DATA_LIMIT:
                self._known[key] = read
                self.later(lambda: self._fingerprint(key, read))
        elif read.facts and not known.facts:
            known.reader, known.facts = read.reader, read.facts
            self.later(lambda: self._describe(known))

    def _fingerprint(self, key: Any, read: Read) -> None:
        found = fingerprint(read)
        if found is not None:
            self.data[f"{found['sha256']}:{read.path or read.name}"] = found
        if read.path is None:
            self._known.pop(key, None)

    def _describe(self, read: Read) -> None:
        for found in self.data.values():
            if found.get("path") == read.path:
                found.update({"reader": read.reader, **read.facts})


_witness: Witness | None = None


def begin() -> None:
    """See what this job's code reads."""
    global _witness
    if _witness is None:
        _witness = Witness()
        _witness.watch()
        OnImport(_witness.wrappers(), {}).install()


def present() -> Witness | None:
    """Return the witness of this process, if it has one."""
    return _witness


def testimony(wait_s: float) -> dict[str, Any]:
    """Return what was read, and where this is."""
    if _witness is not None:
        _witness.settle(wait_s)
    return {
        "data": list(_witness.data.values()) if _witness is not None else [],
        "packages": packages(),
        "python": python(),
        "platform": platform.platform(),
        "hardware": hardware(),
    }
