"""Modules that are sent to a kernel as source, for its environment may have no labstudio."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

LAY = """
import sys, types
def lay(name, source, package):
    module = types.ModuleType(name)
    module.__package__ = name if package else name.rpartition(".")[0]
    if package:
        module.__path__ = []
    sys.modules[name] = module
    try:
        exec(compile(source, "<labstudio>", "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    owner, _, last = name.rpartition(".")
    if owner:
        setattr(sys.modules[owner], last, module)
"""


def lay_all(modules: Sequence[tuple[str, str]], package: str) -> str:
    """Return statements that make modules of their names and sources, the package first."""
    return f"for name, source in {modules!r}:\n    lay(name, source, name == {package!r})\n"


def as_expression(script: str) -> str:
    """Return one expression that runs statements with names of their own."""
    return f"exec(compile({script!r}, '<labstudio>', 'exec'), {{}})"
