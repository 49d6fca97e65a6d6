"""Which kernel a move leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from labstudio.errors import Conflict, InvalidInput
from labstudio.kernels import PREFIX

if TYPE_CHECKING:
    from labstudio.namespace.models import Move

BACK, LOCAL = "back", "local"


class Target(NamedTuple):
    """A kernelspec and what it is called."""

    spec: str
    title: str


def choose(to: str, origin: str, came_by: Move | None, specs: dict[str, Any]) -> Target:
    """Find the kernelspec that a move leads to.

    Parameters
    ----------
    to
        A compute, a kernelspec, or ``back``.
    origin
        The kernelspec that is left.
    came_by
        The move that led to the kernel that is left.
    specs
        Every kernelspec, as Jupyter's manager tells them.

    Raises
    ------
    InvalidInput
        When it leads nowhere.
    Conflict
        When the notebook is not in Python.
    """
    if to == BACK:
        if came_by is None:
            raise InvalidInput(
                "This notebook was not moved here: there is no way back.", field="to"
            )
        to = came_by.origin
    for name in (origin, to):
        if name in specs and _language(specs[name]) != "python":
            raise Conflict(f"Only Python notebooks move; {_title(specs[name])} is not Python.")
    found = _spec(to, origin, specs)
    if found is None:
        computes = sorted({name.split(".")[1] for name in specs if name.startswith(PREFIX)})
        names = ", ".join([LOCAL, *computes])
        raise InvalidInput(
            f"to {to!r} is no compute with Python kernels here; there are: {names}.", field="to"
        )
    return Target(found, _title(specs[found]))


def _spec(to: str, origin: str, specs: dict[str, Any]) -> str | None:
    if to in specs:
        return to
    # On a compute first the kernel of the same name, then any other of Python.
    own = origin.split(".", 2)[2] if origin.startswith(PREFIX) else origin
    offered = [
        name
        for name in sorted(specs)
        if name.startswith(f"{PREFIX}{to}.") and _language(specs[name]) == "python"
    ]
    wanted = f"{PREFIX}{to}.{own}"
    if wanted in offered:
        return wanted
    if offered:
        return offered[0]
    if to == LOCAL:
        return own if own in specs else "python3" if "python3" in specs else None
    return None


def _language(spec: dict[str, Any]) -> str:
    return str(spec["spec"].get("language", "")).lower()


def _title(spec: dict[str, Any]) -> str:
    return str(spec["spec"].get("display_name", ""))
