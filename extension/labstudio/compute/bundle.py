"""The studio's own programs for hosts, as they are brought there: a few files, named by content."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path

from labstudio.compute import host
from labstudio.gateway import forward

PACKAGE = "labstudio_host"


@cache
def files() -> dict[str, bytes]:
    """Return the files, by their path relative to the folder that they are to lie in."""
    sources = [*sorted(Path(host.__path__[0]).glob("*.py")), Path(forward.__file__)]
    return {f"{PACKAGE}/{each.name}": each.read_bytes() for each in sources}


@cache
def name() -> str:
    """Return the name of the folder: another content has another name."""
    said = json.dumps([(path, hashlib.sha256(text).hexdigest()) for path, text in files().items()])
    return f"host-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def program(folder: str, module: str) -> str:
    """Return the Python that starts one of the programs.

    Parameters
    ----------
    folder
        Where the files lie.
    module
        Which program.
    """
    return (
        f"import sys; sys.path[0] = {folder!r}; from {PACKAGE}.{module} import main; "
        "sys.path[0] = ''; main()"
    )
