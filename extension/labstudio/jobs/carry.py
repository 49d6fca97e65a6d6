"""Carrying a notebook's values to where a cell or a function runs.

Each name is first pickled alone into a counter: that gives its size, its refusal if it cannot
travel, and the further names that functions among the values need. Then all are pickled together,
so that two names for one object (a model and its optimizer's parameters) are one object there too.

A function of the notebook keeps reading the notebook's names: cloudpickle would freeze the values
it saw, here it is bound to the receiving `__main__`, and what it needs is carried by name. So a
cell that sets ``scale = 3`` and calls a function that reads ``scale`` does what it would do here.
The receiver needs cloudpickle and nothing of labstudio.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import io
import operator
import pickle
import socket
import sqlite3
import subprocess
import sys
import threading
import types
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle

from labstudio.errors import CannotCarry, NotFound, Unavailable
from labstudio.jobs.names import BUILTIN_NAMES, IPYTHON_NAMES, MODULE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

LIMIT_BYTES = 1 << 30
"""What a cell may take along unless told otherwise: 1 GiB."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_registering = threading.Lock()
_LOCK, _RLOCK = type(threading.Lock()), type(threading.RLock())
_STREAMS = (io.TextIOWrapper, io.BufferedIOBase, io.RawIOBase)
_REFUSED: tuple[tuple[Any, str], ...] = (
    (types.GeneratorType, "a generator: list() it first"),
    (types.AsyncGeneratorType, "an asynchronous generator"),
    (types.CoroutineType, "a coroutine: await it first"),
    (asyncio.Future, "an asyncio task: await it first"),
    (threading.Thread, "a thread"),
    (concurrent.futures.Executor, "a pool of workers"),
    (subprocess.Popen, "a running process"),
    (socket.socket, "a network connection"),
    (sqlite3.Connection, "a database connection: open it in the cell"),
    (sqlite3.Cursor, "a database connection: open it in the cell"),
    ((_LOCK, _RLOCK, threading.Condition, threading.Event, threading.Semaphore), "a lock"),
    ((types.FrameType, types.TracebackType), "a stack frame"),
)


@dataclass(frozen=True)
class Carried:
    """Values packed for travel.

    Attributes
    ----------
    payload
        A cloudpickled dict of name to value.
    sizes
        Bytes by name, each as if it travelled alone.
    modules
        Top-level modules that the values are imported from; those of the user's own must go along
        as files.
    """

    payload: bytes
    sizes: dict[str, int] = field(default_factory=dict)
    modules: frozenset[str] = frozenset()

    @property
    def size_bytes(self) -> int:
        """Length of the payload."""
        return len(self.payload)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that travel."""
        return tuple(self.sizes)


def pack(
    namespace: Mapping[str, Any],
    names: Iterable[str],
    *,
    optional: Iterable[str] = (),
    dotted: Iterable[str] = (),
    limit_bytes: int = LIMIT_BYTES,
) -> Carried:
    """Pack names of a notebook.

    Parameters
    ----------
    namespace
        The notebook's namespace (``get_ipython().user_ns``).
    names
        Names that the cell surely reads. One that is in neither the namespace nor Python's own
        is refused.
    optional
        Names that it perhaps reads: carried when they are there. A missing one is left to the
        cell, which may never come to read it.
    dotted
        Attribute chains of the code, such as ``xml.etree.ElementTree.parse``: submodules of
        carried modules among them are imported there too.
    limit_bytes
        More than this is refused.

    Raises
    ------
    CannotCarry
        ``details["names"]`` says why, for each name that cannot travel.
    """
    wanted: dict[str, bool] = dict.fromkeys(names, True)
    for name in optional:
        wanted.setdefault(name, False)
    packer = _Packer(namespace, tuple(dotted), limit_bytes)
    waiting = list(wanted)
    while waiting:
        name = waiting.pop(0)
        packer.measure(name, required=wanted[name])
        for further in sorted(packer.needed - wanted.keys()):
            wanted[further] = False
            waiting.append(further)
    return packer.finish()


def pack_call(
    function: Any,
    args: tuple[Any, ...] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    limit_bytes: int = LIMIT_BYTES,
) -> bytes:
    """Pack a function with its arguments: a cloudpickled dict of function, args and kwargs.

    What the function reads is frozen as it is now, and modules of the user's own that lie in the
    working folder travel by value: there are no files beside a function.

    Raises
    ------
    CannotCarry
        Naming ``function``, ``args`` or ``kwargs`` and what stands in the way.
    """
    call = {"function": function, "args": args, "kwargs": dict(kwargs or {})}
    packer = _Packer(call, (), limit_bytes)
    with _by_value(local_modules(Path.cwd())):
        for name in call:
            packer.measure(name, required=True)
        return packer.finish().payload


def unpack_result(path: Path) -> dict[str, Any]:
    """Read what a cell or function gave back.

    Raises
    ------
    Unavailable
        When it cannot be read here, for want of a package that it needs.
    """
    try:
        with path.open("rb") as file:
            found = cloudpickle.load(file)
    except FileNotFoundError as error:
        raise NotFound("The job left no result.", path=path.name) from error
    except Exception as error:  # Unpickling runs the values' own code.
        raise Unavailable(
            f"The result cannot be read here ({type(error).__name__}: {error})."
        ) from error
    return dict(found)


def local_modules(folder: Path) -> dict[str, types.ModuleType]:
    """List the loaded modules that are the user's own: their files lie in a folder.

    What is installed (site-packages, a virtual environment in the folder) is not among them.
    """
    inside = folder.resolve()
    found: dict[str, types.ModuleType] = {}
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or name == "__main__" or name.startswith("labstudio"):
            continue
        path = Path(file)
        if inside in path.parents and not _INSTALLED.intersection(path.parts):
            found[name] = module
    return found


@contextmanager
def _by_value(modules: Mapping[str, types.ModuleType]) -> Iterator[None]:
    with _registering:
        known = cloudpickle.list_registry_pickle_by_value()
        added = [module for name, module in modules.items() if name not in known]
        for module in added:
            cloudpickle.register_pickle_by_value(module)
        try:
            yield
        finally:
            for module in added:
                cloudpickle.unregister_pickle_by_value(module)


class _Packer:
    def __init__(self, namespace: Mapping[str, Any], dotted: tuple[str, ...], limit: int) -> None:
        self.namespace = namespace
        self.dotted = dotted
        self.limit = limit
        self.values: dict[str, Any] = {}
        self.sizes: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self.needed: set[str] = set()
        self.modules: set[str] = set()

    def measure(self, name: str, *, required: bool) -> None:
        """Pickle one name into a counter, noting its size or why it cannot travel."""
        if name in IPYTHON_NAMES or name in MODULE_NAMES:
            return
        if name not in self.namespace:
            if required and name not in BUILTIN_NAMES:
                self.refused[name] = "is not defined in this notebook"
            return
        value = self.namespace[name]
        if isinstance(value, types.ModuleType):
            value = _Module(value, self._submodules(name, value))
        counter = _Counter(self.limit)
        reason = self._dump(value, counter)
        if reason is None:
            self.values[name] = value
            self.sizes[name] = counter.count
        else:
            self.refused[name] = reason

    def finish(self) -> Carried:
        """Pickle all names together, or refuse."""
        total = sum(self.sizes.values())
        if not self.refused and total > self.limit:
            largest = max(self.sizes, key=lambda name: self.sizes[name])
            self.refused[largest] = (
                f"brings the total to {_megabytes(total)}, over the limit of "
                f"{_megabytes(self.limit)}: save it to a file and read it in the cell"
            )
        if self.refused:
            listed = "; ".join(f"{name} {reason}" for name, reason in self.refused.items())
            raise CannotCarry(f"Cannot carry: {listed}.", field="code", names=self.refused)
        buffer = io.BytesIO()
        _Pickler(buffer, self).dump(self.values)
        return Carried(buffer.getvalue(), self.sizes, frozenset(self.modules))

    def _dump(self, value: Any, file: _Counter) -> str | None:
        pickler = _Pickler(file, self)
        try:
            pickler.dump(value)
        except _RefusalError as refusal:
            verb = "is" if refusal.value is value else "holds"
            return f"{verb} {refusal.what}"
        except _TooLargeError:
            return (
                f"is larger than the limit of {_megabytes(self.limit)}: "
                "save it to a file and read it in the cell"
            )
        except Exception as error:  # A value's own __reduce__ may raise anything.
            if isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError):
                return "is nested too deeply"
            text = str(error).splitlines()[0] if str(error) else type(error).__name__
            return f"cannot be pickled ({text})"
        return None

    def _submodules(self, name: str, module: types.ModuleType) -> list[types.ModuleType]:
        found: dict[str, types.ModuleType] = {}
        for chain in self.dotted:
            first, *rest = chain.split(".")
            full = module.__name__
            for part in rest if first == name else ():
                full = f"{full}.{part}"
                submodule = sys.modules.get(full)
                if submodule is None:
                    break
                found[full] = submodule
        return list(found.values())


class _Pickler(cloudpickle.CloudPickler):  # type: ignore[misc]
    """cloudpickle, with the notebook's functions bound to where they arrive."""

    def __init__(self, file: Any, packer: _Packer) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._packer = packer

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _STREAMS) and not isinstance(obj, io.BytesIO):
            name = getattr(obj, "name", None)
            raise _RefusalError(obj, f"an open file ({name})" if isinstance(name, str) else "open")
        for kinds, what in _REFUSED:
            if isinstance(obj, kinds):
                raise _RefusalError(obj, what)
        if isinstance(obj, types.ModuleType):
            self._note_module(obj.__name__)
        elif isinstance(obj, type | types.FunctionType):
            self._note_module(getattr(obj, "__module__", None))
        elif isinstance(obj, functools._lru_cache_wrapper):
            return self._cached(obj)
        return super().reducer_override(obj)

    def _note_module(self, name: str | None) -> None:
        if name and name != "__main__":
            self._packer.modules.add(name.partition(".")[0])

    def _cached(self, obj: Any) -> Any:
        # By default it would be looked up in the receiving `__main__`, where it is not yet.
        if obj.__module__ != "__main__":
            return NotImplemented
        return operator.call, (_Cache(**obj.cache_parameters()), obj.__wrapped__)

    def _dynamic_function_reduce(self, func: types.FunctionType) -> Any:
        made = super()._dynamic_function_reduce(func)
        if func.__globals__ is not self._packer.namespace:
            return made
        make, (code, _globals, *rest), (state, slots), *setters = made
        self._packer.needed.update(slots["__globals__"])
        return make, (code, _MainGlobals(), *rest), (state, {**slots, "__globals__": {}}), *setters


class _MainGlobals:
    """Stands for the notebook's namespace; arrives as that of the receiver."""

    def __reduce__(self) -> Any:
        return vars, (sys.modules["__main__"],)


class _Cache:
    """Arrives as ``functools.lru_cache(maxsize, typed)``."""

    def __init__(self, maxsize: int | None, typed: bool) -> None:
        self.arguments = (maxsize, typed)

    def __reduce__(self) -> Any:
        return functools.lru_cache, self.arguments


class _Module:
    """Arrives as the module, imported by its name, its named submodules imported too."""

    def __init__(self, module: types.ModuleType, submodules: list[types.ModuleType]) -> None:
        self.modules = [module, *submodules]

    def __reduce__(self) -> Any:
        return operator.getitem, (self.modules, 0)


class _Counter(io.RawIOBase):
    """A file that counts and forgets."""

    def __init__(self, limit: int) -> None:
        self.count = 0
        self.limit = limit

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self.count += size
        if self.count > self.limit:
            raise _TooLargeError
        return size


class _TooLargeError(Exception):
    """The counter went over its limit."""


class _RefusalError(Exception):
    """An object that stands for something outside of this process."""

    def __init__(self, value: Any, what: str) -> None:
        super().__init__(what)
        self.value = value
        self.what = what


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
