"""Speaking to the packer inside a kernel, without leaving a trace in the user's names."""

from __future__ import annotations

import ast
import json
from functools import cache
from importlib.resources import files
from typing import Any

from labstudio.sent import LAY, as_expression, lay_all

MODULE = "_labstudio_namespace"
# In the order in which they import one another.
FILES = ("parts", "refused", "cells", "tables", "pickling", "packing", "restoring", "guard")


@cache
def sources() -> tuple[tuple[str, str], ...]:
    """Return the name and the source of each module, the package first."""
    folder = files(__package__) / "inside"
    return (
        (MODULE, ""),
        *(
            (f"{MODULE}.{name}", (folder / f"{name}.py").read_text(encoding="utf-8"))
            for name in FILES
        ),
    )


@cache
def lent() -> tuple[tuple[str, str], ...]:
    """Return cloudpickle's own source, for kernels whose environment has none."""
    folder = files("cloudpickle")
    return (
        ("cloudpickle", ""),
        ("cloudpickle.cloudpickle", (folder / "cloudpickle.py").read_text(encoding="utf-8")),
    )


def install() -> str:
    """Return statements that make the packer a package of the kernel, unless it is there.

    Run as a silent cell; the names they use are their own.
    """
    script = (
        f"{LAY}\n"
        "import importlib.util\n"
        f"if importlib.util.find_spec('cloudpickle') is None:\n"
        f"    for name, source in {lent()!r}:\n"
        "        lay(name, source, name == 'cloudpickle')\n"
        "    sys.modules['cloudpickle'].CloudPickler = sys.modules[name].CloudPickler\n"
        + lay_all(sources(), MODULE)
    )
    return as_expression(script)


def call(module: str, function: str, *arguments: Any, **named: Any) -> str:
    """Return one expression that calls a function inside; what it gives comes back as JSON."""
    given = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in named.items())]
    path = f"__import__('{MODULE}.{module}', fromlist=['it']).{function}"
    return f"__import__('json').dumps({path}({', '.join(given)}))"


def answer(told: str) -> Any:
    """Read what such an expression gave, from its `repr`."""
    return json.loads(ast.literal_eval(told))


def install_here() -> None:
    """Make the packer a package of this very process."""
    import sys

    if MODULE not in sys.modules:
        exec(install(), {})  # noqa: S102  the package's own source
