# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""cloudpickle for a whole notebook: names stay names, buffers go straight to their files."""

import datetime
import decimal
import enum
import fractions
import functools
import logging
import pathlib
import pickle
import re
import sys
import types
import uuid

import cloudpickle

from .refused import refuse
from .tables import frame_reduced, tensor_reduced

# Smaller ones lie within the pickle: an extent costs more than they do.
OUT_OF_BAND_BYTES = 16 << 10

# fmt: off
_PLAIN = frozenset((
    int, str, bytes, float, bool, complex, type(None), type(...), type(NotImplemented), tuple,
    frozenset, range, slice, types.ModuleType, types.MethodType, types.BuiltinFunctionType,
    types.CodeType, property, classmethod, staticmethod, types.GetSetDescriptorType,
    types.MemberDescriptorType, types.WrapperDescriptorType, types.MethodDescriptorType,
))
_VALUES = (
    enum.Enum, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, decimal.Decimal,
    fractions.Fraction, logging.Logger, pathlib.PurePath, re.Pattern, uuid.UUID,
    pickle.PickleBuffer,
)
_VALUES_ELSEWHERE = (
    ("numpy", ("dtype", "generic", "ufunc")),
    ("pandas", ("Index", "api.extensions.ExtensionDtype")),
    ("torch", ("dtype", "device", "Size", "layout", "memory_format")),
)
# fmt: on


def has_identity(value):
    """Say whether it matters that two names, or two places, hold the very same object."""
    kind = type(value)
    if kind in _PLAIN:
        return False
    if isinstance(value, (type, types.FunctionType)):
        return getattr(value, "__module__", None) == "__main__"
    return _kind_has_identity(kind)


@functools.lru_cache(maxsize=4096)
def _kind_has_identity(kind):
    if issubclass(kind, _VALUES):
        return False
    for module, names in _VALUES_ELSEWHERE:
        for name in names:
            found = sys.modules.get(module)
            for part in name.split("."):
                found = getattr(found, part, None)
            if isinstance(found, type) and issubclass(kind, found):
                return False
    return True


class Pickler(cloudpickle.CloudPickler):
    """Pickles some names together; other names stay references to those names.

    Parameters
    ----------
    file
        Gets the pickle.
    writer
        Gets large buffers, and gives their extents.
    space
        The namespace: functions keep reading it, where they arrive.
    named
        ``{id: name}`` of the objects that names stand for.
    inside
        The names that are pickled here.
    met
        Called with each object whose identity matters.

    Attributes
    ----------
    buffers
        Extents of each buffer, in order.
    needs
        Names that it refers to.
    modules
        Top-level modules that reading it imports.
    reads
        Names that its functions read when they are called.
    code
        Whether it holds compiled code, which only the same Python can read.
    """

    def __init__(self, file, writer, space, named, inside, met):
        super().__init__(file, protocol=5, buffer_callback=self._buffer)
        self.buffers, self.needs, self.modules, self.code = [], set(), set(), False
        self.reads = set()
        self._writer, self._space, self._named = writer, space, named
        self._inside, self._met = inside, met

    def persistent_id(self, value):
        """Refer to the namespace and to other names; called for every object there is."""
        kind = type(value)
        if kind is str or kind is int or kind is float:
            return None
        if kind is _Main:
            return ("main",)
        if kind in _PLAIN:
            self.code = self.code or kind is types.CodeType
            if kind is types.BuiltinFunctionType or kind is types.ModuleType:
                self._note_module(value)
            return None
        if isinstance(value, (type, types.FunctionType)):
            self._note_module(value)
        name = self._named.get(id(value))
        if name is not None and name not in self._inside:
            self.needs.add(name)
            return ("name", name)
        if has_identity(value):
            self._met(value)
        return None

    def _note_module(self, value):
        own = "__name__" if isinstance(value, types.ModuleType) else "__module__"
        name = getattr(value, own, None)
        if isinstance(name, str):
            self.modules.add(name.partition(".")[0])

    def _buffer(self, buffer):
        data = buffer.raw()
        if data.nbytes < OUT_OF_BAND_BYTES:
            return True
        self.buffers.append({"size_bytes": data.nbytes, "at": self._writer.add(data)})
        return False

    def reducer_override(self, value):
        """Refuse what stands for something outside; reduce the large things to buffers."""
        refuse(value)
        if type(value) is types.CellType:
            return types.CellType, ()  # filled by the first function that has it
        if isinstance(value, functools._lru_cache_wrapper) and value.__module__ == "__main__":
            # By default it would be looked up by its name, where it is not yet.
            return cached, (value.__wrapped__, value.cache_parameters())
        numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
        torch = sys.modules.get("torch")
        reduced = NotImplemented
        if numpy is not None and type(value) is getattr(numpy, "ndarray", None):
            flags = value.flags
            if not (flags.c_contiguous or flags.f_contiguous or value.dtype.hasobject):
                return numpy.ascontiguousarray(value).__reduce_ex__(5)
        elif pandas is not None and type(value) is getattr(pandas, "DataFrame", None):
            reduced = frame_reduced(value)
        elif torch is not None and isinstance(value, getattr(torch, "Tensor", ())):
            reduced = tensor_reduced(value)
        return super().reducer_override(value) if reduced is NotImplemented else reduced

    def _dynamic_function_reduce(self, func):
        """Bind it to the namespace where it arrives, and let closures go on sharing cells."""
        made = super()._dynamic_function_reduce(func)
        make, (code, space, *rest, _empty), (state, slots), *rest_of_it, set_state = made
        if func.__globals__ is self._space:
            self.reads.update(slots["__globals__"])
            space, slots = _Main(), {**slots, "__globals__": {}}
        cells = func.__closure__
        contents = [_contents(cell) for cell in cells or ()]
        told = (set_state, (state, {**slots, "__closure__": None}), contents)
        return make, (code, space, *rest, cells), told, *rest_of_it, function_filled


class _Main:
    """Stands for the notebook's namespace."""


def _contents(cell):
    try:
        return (cell.cell_contents,)
    except ValueError:
        return ()


def function_filled(function, told):
    """Fill a function's cells, and give it the rest of its state."""
    set_state, state, contents = told
    for cell, content in zip(function.__closure__ or (), contents):
        if content:
            cell.cell_contents = content[0]
    return set_state(function, state)


def cached(function, parameters):
    """Rebuild a function that ``functools.lru_cache`` wraps; its cache is empty."""
    return functools.lru_cache(**parameters)(function)


class Unpickler(pickle.Unpickler):
    """Reads what `Pickler` wrote.

    Parameters
    ----------
    file, buffers
        The pickle and its buffers.
    space
        The namespace that functions are to read.
    named
        Gives the value of a name.
    """

    def __init__(self, file, buffers, space, named):
        super().__init__(file, buffers=buffers)
        self._space, self._named = space, named

    def persistent_load(self, told):
        """Resolve a reference to the namespace, or to a name."""
        return self._space if told[0] == "main" else self._named(told[1])

    def find_class(self, module, name):
        """Look in what was packed for what the notebook itself defines."""
        if module != "__main__":
            return super().find_class(module, name)
        first, *rest = name.split(".")
        return functools.reduce(getattr, rest, self._named(first))
