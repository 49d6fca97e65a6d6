"""The gateway of a home as a child of the daemon, begun by the first who connects.

The daemon listens on the socket and looks on. A home whose jobs and kernels all run beside it never
needs the gateway, and pays nothing for it.
"""

from __future__ import annotations

import os
import select
import socket
from typing import TYPE_CHECKING

from labstudio.errors import Unavailable
from labstudio.gateway.reach import gateway_socket
from labstudio.home import PRIVATE_FILE
from labstudio.serving import BACKLOG, KeptServer

if TYPE_CHECKING:
    from labstudio._studio import Studio

LOG_NAME = "gateway.log"
URL_VARIABLE = "LABSTUDIO_DATABASE_URL"
LOOK_S = 0.5


class GatewayServer(KeptServer):
    """Starts, watches and ends the gateway of a home.

    Parameters
    ----------
    studio
        The studio that it speaks for.
    """

    def __init__(self, studio: Studio) -> None:
        log = studio.home.path / LOG_NAME
        super().__init__(studio.home, "gateway", "labstudio.gateway.server_main", log)
        self._database_url = studio.config.database_url
        self._listening: socket.socket | None = None

    def start(self) -> None:
        """Open the socket, and start the child once somebody connects; return at once.

        Raises
        ------
        Unavailable
            When the socket cannot be opened.
        """
        path = gateway_socket(self.home)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            # The daemon before this one may have left it; only one daemon holds the home's lock.
            path.unlink(missing_ok=True)
            listening.bind(str(path))
            path.chmod(PRIVATE_FILE)
            listening.listen(BACKLOG)
            (self.home.path / LOG_NAME).touch(mode=PRIVATE_FILE)
        except OSError as error:
            listening.close()
            raise Unavailable(f"The gateway cannot be started: {error}.") from error
        self._listening = listening
        self.keep(listening)

    def wanted(self) -> bool:
        """Wait a moment for somebody to connect."""
        assert self._listening is not None
        try:
            return bool(select.select([self._listening], [], [], LOOK_S)[0])
        except (OSError, ValueError):
            return False  # It was closed meanwhile.

    def environment(self) -> dict[str, str]:
        """Return the daemon's environment, with its own database."""
        # By environment, not by argument: the address may hold a password.
        own = {URL_VARIABLE: self._database_url} if self._database_url else {}
        return {**os.environ, **own}
