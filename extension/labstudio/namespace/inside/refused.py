# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""What cannot travel, because it stands for something outside of the process."""

import asyncio
import concurrent.futures
import io
import socket
import sqlite3
import subprocess
import threading
import types

_LOCKS = (
    type(threading.Lock()),
    type(threading.RLock()),
    threading.Condition,
    threading.Event,
    threading.Semaphore,
    threading.Barrier,
)
_STREAMS = (io.TextIOWrapper, io.BufferedIOBase, io.RawIOBase)
_KINDS = (
    (types.GeneratorType, "a generator"),
    (types.AsyncGeneratorType, "an asynchronous generator"),
    (types.CoroutineType, "a coroutine"),
    (asyncio.Future, "an asyncio task"),
    (asyncio.AbstractEventLoop, "an event loop"),
    (threading.Thread, "a thread"),
    (concurrent.futures.Executor, "a pool of workers"),
    (subprocess.Popen, "a running process"),
    (socket.socket, "a network connection"),
    ((sqlite3.Connection, sqlite3.Cursor), "a database connection"),
    (_LOCKS, "a lock"),
    ((types.FrameType, types.TracebackType), "a stack frame"),
)


class Refusal(Exception):
    """Raised within pickling by what cannot travel."""

    def __init__(self, value, what):
        super().__init__(what)
        self.value = value
        self.what = what


def refuse(value):
    """Raise `Refusal` for what cannot travel."""
    if isinstance(value, _STREAMS) and not isinstance(value, io.BytesIO):
        name = getattr(value, "name", None)
        raise Refusal(value, f"an open file ({name})" if isinstance(name, str) else "an open file")
    for kinds, what in _KINDS:
        if isinstance(value, kinds):
            raise Refusal(value, what)


def reason(error, value):
    """Say why a value could not be pickled, as what follows "it is left behind: it"."""
    if isinstance(error, Refusal):
        return "{} {}".format("is" if error.value is value else "holds", error.what)
    if isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError):
        return "is nested too deeply"
    return f"cannot be pickled ({one_line(error)})"


def one_line(error):
    """Return the first line of what an error says."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__)[:300]
