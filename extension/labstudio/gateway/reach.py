"""How what runs elsewhere reaches the gateway: its socket, and its forwarder.

A kind of compute mounts or forwards the socket, and has ``forward.py`` run around the command there
(``python forward.py --socket PATH --then COMMAND...``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labstudio.home import Home

FORWARDER = Path(__file__).with_name("forward.py")
"""One file of standard library: copy it, or mount it, and run it with any Python from 3.8."""


def gateway_socket(home: Home) -> Path:
    """Return the unix socket at which the gateway of a home listens."""
    return home.runtime / "gateway.sock"
