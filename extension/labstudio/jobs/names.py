"""Which names a cell reads before it assigns them, and which it assigns.

What a cell reads has to travel with it, what it assigns comes back. A name that is read is one of
three: assigned before for certain (nothing to carry); surely read from outside
(`CellNames.reads`: without it the cell cannot run); or perhaps (`CellNames.optional`: in a branch,
after a branch that assigns it, in a function that may be called later, in the text of a shell
command). Perhaps means: carry it when it is there.
"""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass

from labstudio.errors import InvalidInput
from labstudio.jobs import ipython_syntax

MODULE_NAMES = frozenset(
    {
        *("__name__", "__file__", "__doc__", "__builtins__", "__loader__", "__package__"),
        *("__spec__", "__annotations__", "__debug__", "__class__", "__module__", "__qualname__"),
    }
)
"""Names that every module has."""

IPYTHON_NAMES = frozenset(
    {
        *("In", "Out", "get_ipython", "exit", "quit", "display", "_exit_code"),
        *("_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh"),
    }
)
"""Names that IPython puts into a notebook; each kernel has its own."""

BUILTIN_NAMES = frozenset(dir(builtins))


@dataclass(frozen=True)
class CellNames:
    """What a cell takes from its notebook and what it gives back, each in order of appearance."""

    reads: tuple[str, ...]
    optional: tuple[str, ...]
    assigns: tuple[str, ...]
    imports: tuple[str, ...] = ()
    dotted: tuple[str, ...] = ()


def analyse(code: str) -> CellNames:
    """Find the names that a cell reads from outside and those that it assigns.

    Parameters
    ----------
    code
        The cell as it was typed, IPython's magics and ``!`` lines included.

    Raises
    ------
    InvalidInput
        When it is not valid Python; ``field`` is ``code``.
    """
    from labstudio.jobs.names_walk import Walker

    tree = parse(code)
    walker = Walker(tree)
    walker.body(tree.body)
    reads = tuple(name for name in walker.reads if not is_ipythons(name))
    return CellNames(
        reads=reads,
        optional=tuple(n for n in walker.optional if n not in reads and not is_ipythons(n)),
        assigns=tuple(n for n in walker.left_assigned() if not is_ipythons(n)),
        imports=tuple(walker.imports),
        dotted=tuple(dict.fromkeys(walker.chains())),
    )


def parse(code: str) -> ast.Module:
    """Parse a cell, IPython's syntax translated into calls."""
    try:
        return ast.parse(ipython_syntax.to_python(code))
    except (SyntaxError, ValueError, RecursionError) as error:
        line = getattr(error, "lineno", None)
        where = f"line {line}: " if line else ""
        text = getattr(error, "msg", None) or str(error)
        raise InvalidInput(f"The cell is not valid Python: {where}{text}.", field="code") from None


def is_ipythons(name: str) -> bool:
    """Tell whether IPython keeps the name in every kernel: ``In``, ``_``, ``_12``."""
    return name in IPYTHON_NAMES or re.fullmatch(r"_i?\d+", name) is not None
