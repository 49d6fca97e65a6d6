"""By what workers and machines are told from others."""

from __future__ import annotations

import hashlib
import os
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labstudio.home import Home


def host() -> str:
    """Return the name by which this machine is told from others."""
    return socket.gethostname()


def worker_id(home: Home) -> str:
    """Return the id of a home's daemon: the same each time, so that it finds its own work again."""
    digest = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:8]
    return f"{host()}-{digest}"
