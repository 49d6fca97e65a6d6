"""IPython's syntax in a cell: turned into Python, and read for the code and names within it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUNS_CODE = frozenset({"time", "capture", "prun", "timeit", "lprun", "memit", "mprun", "debug"})
_ISOLATED = frozenset({"timeit", "prun", "lprun", "memit", "mprun"})
_DEFINES_UNKNOWN = frozenset({"run", "pylab", "store", "load", "macro", "edit", "recall", "rerun"})
_SHOWS = frozenset({"pinfo", "pinfo2", "pdoc", "psource", "pdef", "pfile", "page", "whos"})


@dataclass(frozen=True)
class Magic:
    """What is known of one magic or shell line."""

    name: str
    mentions: tuple[str, ...] = ()
    assigns: tuple[str, ...] = ()
    code: Sequence[ast.stmt] | None = None
    isolated: bool = False
    defines_unknown: bool = False


def to_python(code: str) -> str:
    """Translate magics, ``!`` and ``?`` lines into the calls that they stand for."""
    if not re.search(r"[%!?]", code):
        return code  # Nothing of IPython's: spare its import.
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(code))


def as_magic(node: ast.Call) -> Magic | None:
    """Read a call that `to_python` made; None for any other call."""
    function = node.func
    if not (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Call)
        and isinstance(function.value.func, ast.Name)
        and function.value.func.id == "get_ipython"
    ):
        return None
    constants = [arg.value for arg in node.args if isinstance(arg, ast.Constant)]
    texts = [value for value in constants if isinstance(value, str)]
    if not texts or len(texts) != len(node.args):
        return None
    if function.attr in {"system", "getoutput"}:
        return Magic(function.attr, mentions=_expanded(texts[0]))
    if function.attr == "run_line_magic" and len(texts) == 2:
        return _magic(texts[0], texts[1], None)
    if function.attr == "run_cell_magic" and len(texts) == 3:
        return _magic(texts[0], texts[1], texts[2])
    return None


def _magic(name: str, line: str, body: str | None) -> Magic:
    mentions = _expanded(line)
    assigns = tuple(re.findall(r"(?:--out|--err|--proc)[ =]+([A-Za-z_]\w*)", line))
    if name in _SHOWS:
        mentions += tuple(re.findall(r"^\s*([A-Za-z_]\w*)", line))
    if name == "capture":
        assigns += tuple(w for w in line.split() if w.isidentifier())[:1]
    code = None
    if name in _RUNS_CODE:
        setup = body is not None and name in {"timeit"}
        text = f"{line}\n{body}" if setup else body if body is not None else line
        code = _parse(_without_options(text) if body is None or setup else text)
    return Magic(
        name,
        mentions,
        assigns,
        code,
        isolated=name in _ISOLATED,
        defines_unknown=name in _DEFINES_UNKNOWN,
    )


def _parse(text: str) -> list[ast.stmt] | None:
    try:
        return ast.parse(to_python(text)).body
    except (SyntaxError, ValueError):
        return None


def _without_options(text: str) -> str:
    """Drop the leading options of ``%timeit -n 10 -r3 f(x)``."""
    return re.sub(r"^\s*(?:-\w+(?:\s+\d+)?\s+|--[\w-]+\s+)*", "", text)


def _expanded(text: str) -> tuple[str, ...]:
    """Find what IPython puts into a command's text: ``{expression}`` and ``$name``."""
    names = re.findall(r"(?<![\\$])\$\{?([A-Za-z_]\w*)", text)
    for expression in re.findall(r"(?<!\{)\{([^{}]+)\}(?!\})", text):
        try:
            tree = ast.parse(expression.strip(), mode="eval")
        except (SyntaxError, ValueError):
            continue
        names += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    return tuple(dict.fromkeys(names))
