"""The studio that the magics work with."""

from __future__ import annotations

from labstudio._studio import Studio
from labstudio.home import default_path

_opened: dict[str, Studio] = {}


def opened() -> Studio:
    """Open the studio of ``LABSTUDIO_HOME``, once for each home."""
    path = str(default_path())
    if path not in _opened:
        _opened[path] = Studio(path)
    return _opened[path]
