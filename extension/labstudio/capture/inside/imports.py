"""A finder that does something after a module was loaded, or before; it loads nothing itself."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class OnImport:
    """Acts on the first import of some modules.

    Parameters
    ----------
    after
        What is done with a module once it is loaded, by its name. Those that are loaded already
        are dealt with at once.
    before
        What is done before a module is loaded, by its name.
    """

    def __init__(
        self,
        after: Mapping[str, Callable[[ModuleType], None]],
        before: Mapping[str, Callable[[], None]],
    ) -> None:
        self._after = dict(after)
        self._before = dict(before)
        self._busy = threading.local()

    def install(self) -> None:
        """Begin to act."""
        for name in [each for each in self._before if each in sys.modules]:
            self._before.pop(name)()
        for name in [each for each in self._after if each in sys.modules]:
            self._after.pop(name)(sys.modules[name])
        sys.meta_path.insert(0, self)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: Any = None
    ) -> ModuleSpec | None:
        """Act on a module that is known here; the other finders find it."""
        if name not in self._after and name not in self._before:
            return None
        if getattr(self._busy, "name", None) == name:
            return None
        self._busy.name = name
        try:
            if (before := self._before.pop(name, None)) is not None:
                before()
            spec = self._found(name, path, target)
        finally:
            self._busy.name = None
        if spec is not None and (after := self._after.pop(name, None)) is not None:
            _follow(spec, after)
        return spec

    def _found(self, name: str, path: Sequence[str] | None, target: Any) -> ModuleSpec | None:
        # What was done before may have put a finder first: the list is read now.
        for finder in [each for each in sys.meta_path if each is not self]:
            find = getattr(finder, "find_spec", None)
            if find is not None and (spec := find(name, path, target)) is not None:
                return spec  # type: ignore[no-any-return]
        return None


def _follow(spec: ModuleSpec, action: Callable[[ModuleType], None]) -> None:
    """Do something once a module of a spec is loaded."""
    loader = spec.loader
    load = getattr(loader, "exec_module", None)
    if loader is None or load is None:
        return

    def exec_module(module: ModuleType) -> None:
        # The loader may be asked for its own methods by the module it loads.
        vars(loader).pop("exec_module", None)
        load(module)
        action(module)

    loader.exec_module = exec_module  # type: ignore[method-assign]
