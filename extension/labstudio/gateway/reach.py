"""How what runs elsewhere reaches the gateway: its socket, its forwarder, its variables.

A kind of compute mounts or forwards the socket, has ``forward.py`` run around the command there
(``python forward.py --socket PATH --then COMMAND...``), and gives the command the variables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labstudio.gateway.tokens import Scope, mint

if TYPE_CHECKING:
    from labstudio.home import Home

FORWARDER = Path(__file__).with_name("forward.py")
"""One file of standard library: copy it, or mount it, and run it with any Python from 3.8."""


def gateway_socket(home: Home) -> Path:
    """Return the unix socket at which the gateway of a home listens."""
    return home.runtime / "gateway.sock"


def kernel_variables(home: Home, kernel_id: str, user: str) -> dict[str, str]:
    """Return the variables of a kernel that acts as its user; the forwarder adds the address."""
    token = mint(home, Scope("kernel", kernel_id, user))
    return {"LABSTUDIO_TOKEN": token, "MLFLOW_TRACKING_TOKEN": token}
