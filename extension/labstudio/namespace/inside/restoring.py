# Sent to kernels as source: Python 3.9, nothing of labstudio. See `inside/__init__.py`.
# mypy: ignore-errors
"""Restoring a namespace: what was packed is read, checked, and put under its names."""

import importlib
import importlib.util
import json
import os
import sys
import time

from . import cells
from .packing import FORMAT, MANIFEST
from .parts import Reader
from .pickling import Unpickler
from .refused import one_line
from .tables import describe


class Unmet(Exception):
    """A name that another one refers to could not be restored."""


def restore(folder, names=None, history=True):
    """Put what a folder holds into the notebook's namespace.

    Parameters
    ----------
    folder
        As `packing.pack` wrote it.
    names
        Only these, and what they need.
    history
        Whether to take the cells along.

    Returns
    -------
    dict
        ``restored``, a list of names; ``failed``, ``{name: why}``; ``packages``, what is missing
        here, ``{package: names that need it}``; ``seconds``.
    """
    began = time.monotonic()
    with open(os.path.join(folder, MANIFEST)) as file:
        manifest = json.load(file)
    if manifest["format"] != FORMAT:
        raise ValueError(
            "It was packed by another labstudio: format {}.".format(manifest["format"])
        )
    restorer = _Restorer(manifest, Reader(folder, manifest["parts"]), cells.namespace())
    restorer.run(names)
    cells.remember({name: manifest["origins"].get(name, [None, ""]) for name in restorer.restored})
    if history:
        cells.take_history(manifest["history"])
        cells.load_extensions(manifest["extensions"])
    return {
        "restored": restorer.restored,
        "failed": restorer.failed,
        "packages": restorer.packages,
        "seconds": round(time.monotonic() - began, 3),
    }


def forget(names):
    """Remove names again."""
    for name in names:
        cells.namespace().pop(name, None)


def missing(packages):
    """List those of some top-level modules that cannot be imported here."""
    return [name for name in packages if not _importable(name)]


def _importable(name):
    if name in sys.modules:
        return True
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


class _Restorer:
    def __init__(self, manifest, reader, space):
        self.manifest, self.reader, self.space = manifest, reader, space
        self.restored, self.failed, self.packages = [], {}, {}
        self._group_of = {name: group for group in manifest["groups"] for name in group["names"]}
        self._values = {}
        self._same_python = _version(manifest["python"]) == tuple(sys.version_info[:2])

    def run(self, names):
        """Restore modules first, then values in the order in which they were packed."""
        wanted = None if names is None else set(names)
        for name, module in self.manifest["modules"].items():
            if wanted is None or name in wanted:
                self._import(name, module)
        for module in self.manifest["submodules"]:
            if module.partition(".")[0] not in self.packages and self.restored:
                self._submodule(module)
        for name in self._group_of:
            if wanted is None or name in wanted:
                self._try(name, name)
        for name, first in self.manifest["aliases"].items():
            if wanted is None or name in wanted:
                self._try(name, first)

    def _import(self, name, module):
        try:
            self._put(name, importlib.import_module(module))
        except Exception as error:  # A module's own code may raise anything.
            self._fail(name, error, [module.partition(".")[0]])

    def _submodule(self, module):
        try:
            importlib.import_module(module)
        except Exception as error:
            self._fail(module, error, [])

    def _try(self, name, first):
        try:
            value = self.value(first)
            found, told = describe(value), self.manifest["names"][name]
            if found != told:
                raise Unmet(f"it came back as {_brief(found)}, and was {_brief(told)}")
            self._put(name, value)
        except Exception as error:
            group = self._group_of.get(first, {})
            self._fail(name, error, group.get("packages", []))

    def _put(self, name, value):
        self.space[name] = value
        self.restored.append(name)

    def _fail(self, name, error, packages):
        lacking = missing(packages)
        for package in lacking:
            self.packages.setdefault(package, []).append(name)
        if lacking:
            self.failed[name] = "needs the package {}".format(", ".join(lacking))
        elif isinstance(error, (Unmet, RuntimeError)):
            self.failed[name] = one_line(error)
        else:
            self.failed[name] = f"{type(error).__name__}: {one_line(error)}"

    def value(self, name):
        """Return a name's value, read when it is first asked for.

        Raises
        ------
        Unmet
            When it could not be read before.
        """
        if name not in self._values:
            if name in self.failed:
                raise Unmet(f"needs {name}, which could not be restored")
            self._load(self._group_of[name])
        return self._values[name]

    def _load(self, group):
        if group["code"] and not self._same_python:
            raise Unmet(
                "holds code of Python {}, and this is {}.{}".format(
                    self.manifest["python"], *sys.version_info[:2]
                )
            )
        buffers = [self.reader.read(buffer["at"]) for buffer in group["buffers"]]
        with self.reader.open(group["pickle"]) as file:
            self._values.update(Unpickler(file, buffers, self.space, self.value).load())


def _version(text):
    return tuple(int(part) for part in text.split(".")[:2])


def _brief(told):
    return " ".join(str(part) for part in told.values())
