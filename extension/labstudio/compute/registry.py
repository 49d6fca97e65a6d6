"""Which kinds of compute there are: what is installed under the entry point group."""

from __future__ import annotations

import logging
from functools import cache
from importlib.metadata import entry_points

from labstudio.compute.kind import GROUP, Kind
from labstudio.errors import InvalidInput

log = logging.getLogger(__name__)


@cache
def kinds() -> dict[str, type[Kind]]:
    """Return every kind by its type; one that cannot be loaded is logged and left out."""
    found: dict[str, type[Kind]] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        try:
            found[point.name] = point.load()
        except Exception as error:
            # Somebody else's code: whatever it raises, the other kinds are there.
            log.warning("The compute kind %r cannot be loaded: %s", point.name, error)
    return found


def kind(type_: str) -> type[Kind]:
    """Return one kind.

    Raises
    ------
    InvalidInput
        When there is none of that type; the message names those that exist.
    """
    known = kinds()
    if type_ not in known:
        names = ", ".join(known) or "none"
        raise InvalidInput(
            f"type {type_!r} is no kind of compute here; there are: {names}.", field="type"
        )
    return known[type_]
