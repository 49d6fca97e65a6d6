# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""Packing a namespace: each name by itself, those that share objects together.

A name is pickled alone first. Where it holds what another name stands for, it refers to that name.
Where two names hold one object that has no name of its own (an optimizer and its model hold the
same parameters) they are pickled once more, together. So one name that cannot be read elsewhere
takes only those with it that need it, and yet what was one object is one object again.
"""

import graphlib
import json
import os
import platform
import sys
import time
import types

from . import cells
from .parts import CHUNK_BYTES, LARGE_BYTES, Writer
from .pickling import Pickler, has_identity
from .refused import reason
from .tables import describe

FORMAT = 1
MANIFEST = "manifest.json"
_UNTOLD = frozenset(("builtins", "__main__", "__mp_main__", "cloudpickle"))


def pack(folder, names=None, history=True, chunk_bytes=CHUNK_BYTES):
    """Write names of the notebook to a folder, its manifest last; return what was told in it.

    Parameters
    ----------
    folder
        Where; None only looks: nothing is written, and the manifest has no parts.
    names
        Which; all that the user made when left out.
    history
        Whether the cells so far go along, so that counting goes on.
    chunk_bytes
        The largest file.
    """
    began = time.monotonic()
    writer = Writer(folder, chunk_bytes)
    packer = _Packer(cells.namespace(), writer)
    wanted = cells.user_names() if names is None else [n for n in names if n in packer.space]
    try:
        packer.take(wanted)
        manifest = packer.manifest(history)
        writer.finish()
        manifest["parts"] = writer.parts
        manifest["size_bytes"] = writer.total_bytes
        manifest["seconds"] = round(time.monotonic() - began, 3)
        if folder is not None:
            writer.tell(os.path.join(folder, MANIFEST), json.dumps(manifest).encode())
    finally:
        writer.close()
    return manifest


class _Sink:
    """Takes a pickle: small writes are kept, large ones go to the writer at once."""

    def __init__(self, writer):
        self._writer, self._pieces, self._extents = writer, [], []

    def write(self, data):
        size = memoryview(data).nbytes
        if size >= LARGE_BYTES:
            self._settle()
            self._extents += self._writer.add(data)
        else:
            self._pieces.append(bytes(data))
        return size

    def _settle(self):
        if self._pieces:
            self._extents += self._writer.add(b"".join(self._pieces))
            self._pieces = []

    def extents(self):
        self._settle()
        return self._extents


class _Group:
    """Names that are pickled together."""

    def __init__(self, names, sink, pickler):
        self.names, self.sink = names, sink
        self.buffers, self.needs = pickler.buffers, pickler.needs
        self.modules, self.code = pickler.modules - _UNTOLD, pickler.code
        self.reads = pickler.reads | pickler.needs

    def told(self):
        return {
            "names": self.names,
            "pickle": self.sink.extents(),
            "buffers": self.buffers,
            "needs": sorted(self.needs),
            "packages": sorted(self.modules - {__package__}),
            "code": self.code,
            "reads": sorted(self.reads),
        }


class _Packer:
    def __init__(self, space, writer):
        self.space, self.writer = space, writer
        self.left, self.modules, self.aliases = {}, {}, {}
        self._named = {}  # id: name
        self._groups = {}  # name: group
        self._seen = {}  # id: (object, name); holding it keeps its id its own
        self._twins = {}  # name: another name of the same group

    def take(self, names):
        """Pickle names, and sort them into groups."""
        alone = [name for name in names if not self._set_apart(name)]
        for name in alone:
            self._dump([name])
        self._leave_dependents()
        self._join()
        self._leave_dependents()

    def _set_apart(self, name):
        """Take modules, and second names of one object."""
        value = self.space[name]
        if isinstance(value, types.ModuleType):
            self.modules[name] = value.__name__
            return True
        if has_identity(value):
            first = self._named.setdefault(id(value), name)
            if first != name:
                self.aliases[name] = first
                return True
        return False

    def _dump(self, names):
        sink = _Sink(self.writer)
        pickler = Pickler(sink, self.writer, self.space, self._named, set(names), self._meet)
        self._current = names[0]
        values = {name: self.space[name] for name in names}
        try:
            pickler.dump(values)
        except Exception as error:  # A value's own __reduce__ may raise anything.
            for name in names:
                self.left[name] = reason(error, values[name])
                self._groups.pop(name, None)
            return
        group = _Group(names, sink, pickler)
        self._groups.update(dict.fromkeys(names, group))

    def _meet(self, value):
        _, name = self._seen.setdefault(id(value), (value, self._current))
        if name != self._current:
            self._unite(name, self._current)

    def _first(self, name):
        while self._twins.get(name, name) != name:
            name = self._twins[name]
        return name

    def _unite(self, one, other):
        self._twins[self._first(other)] = self._first(one)

    def _leave_dependents(self):
        """Leave behind what refers to a name that is left behind."""
        changed = True
        while changed:
            changed = False
            for name, group in list(self._groups.items()):
                missing = sorted(group.needs - self._groups.keys())
                if missing:
                    why = self.left.get(missing[0], "is not packed")
                    self.left[name] = "holds {}, which {}".format(missing[0], why)
                    del self._groups[name]
                    changed = True
        for name, first in list(self.aliases.items()):
            if first not in self._groups:
                self.left[name] = self.left[first]
                del self.aliases[name]

    def _join(self):
        """Pickle those together that share objects, or refer to one another in a circle."""
        while True:
            self._repack()
            try:
                self._order()
            except graphlib.CycleError as error:
                circle = error.args[1]
                for name in circle[1:]:
                    self._unite(circle[0], name)
            else:
                return

    def _repack(self):
        together = {}
        for name in self._groups:
            together.setdefault(self._first(name), []).append(name)
        for names in together.values():
            if any(self._groups[name].names != names for name in names):
                self._seen.clear()
                self._dump(names)

    def _order(self):
        """Return the groups, each after those that it refers to."""
        graph = {
            group.names[0]: {self._groups[name].names[0] for name in group.needs}
            for group in self._groups.values()
        }
        order = graphlib.TopologicalSorter(graph).static_order()
        return [self._groups[first] for first in order]

    def manifest(self, history):
        """Tell what was packed."""
        groups = [group.told() for group in self._order()]
        known = [*self._groups, *self.aliases]
        origin_of = cells.origins([*known, *self.left, *self.modules])
        nothing = [None, ""]
        return {
            "format": FORMAT,
            "python": platform.python_version(),
            "executable": sys.executable,
            "groups": groups,
            "names": {name: describe(self.space[name]) for name in known},
            "aliases": self.aliases,
            "modules": self.modules,
            "submodules": cells.submodules(self.modules),
            "extensions": cells.extensions(),
            "history": cells.history() if history else [],
            "origins": origin_of,
            "left": [
                {
                    "name": name,
                    "reason": why,
                    "cell": origin_of.get(name, nothing)[0],
                    "line": origin_of.get(name, nothing)[1],
                }
                for name, why in self.left.items()
            ],
        }
