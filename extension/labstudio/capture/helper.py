"""Speaking to the witness inside a job's kernel."""

from __future__ import annotations

import ast
import json
from functools import cache
from importlib.resources import files
from typing import Any

from labstudio.sent import LAY, as_expression, lay_all

MODULE = "_labstudio_capture"
# In the order in which they import one another.
FILES = ("imports", "reads", "prints", "machine", "witness")


@cache
def begin() -> str:
    """Return one expression that has a witness in the kernel; its own labstudio's, if it has one.

    What goes wrong with it is not the job's failure: then nobody testifies.
    """
    folder = files(__package__) / "inside"
    modules = [
        (MODULE, ""),
        *((f"{MODULE}.{name}", (folder / f"{name}.py").read_text("utf-8")) for name in FILES),
    ]
    laid = "".join(f"    {line}\n" for line in (LAY + lay_all(modules, MODULE)).splitlines())
    script = (
        "try:\n"
        "    import sys\n"
        "    from labstudio.capture.inside import witness\n"
        f"    sys.modules['{MODULE}.witness'] = witness\n"
        "except ImportError:\n"
        "    try:\n"
        f"{''.join(f'    {line}' for line in laid.splitlines(keepends=True))}"
        "    except Exception:\n"
        "        pass\n"
        f"if '{MODULE}.witness' in sys.modules:\n"
        f"    sys.modules['{MODULE}.witness'].begin()\n"
    )
    return as_expression(script)


def testimony(wait_s: float) -> str:
    """Return one expression that gives what the witness saw, as JSON."""
    return (
        "(lambda sys, json: json.dumps(sys.modules["
        f"'{MODULE}.witness'].testimony({wait_s!r})) if '{MODULE}.witness' in sys.modules "
        "else '{}')(__import__('sys'), __import__('json'))"
    )


def answer(told: str) -> Any:
    """Read what such an expression gave, from its `repr`."""
    return json.loads(ast.literal_eval(told))
