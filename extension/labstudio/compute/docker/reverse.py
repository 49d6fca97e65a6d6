"""The way from a container back to the studio, where it has no network.

The runner listens at a socket in a folder of the attempt's own, which is mounted, and leads what
comes to the gateway. In the container the forwarder listens on loopback in front of the code, and
leads to that socket. So a container sees no other's socket, and needs no right at the gateway's.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from labstudio.compute.docker.container import Mount
from labstudio.gateway.forward import join
from labstudio.gateway.reach import FORWARDER

if TYPE_CHECKING:
    from pathlib import Path

SOCKET = "studio.sock"
SOCKET_FOLDER = "/run/labstudio"
FORWARDER_THERE = "/labstudio/forward.py"


class Reverse:
    """Leads the requests of one container to the gateway.

    Parameters
    ----------
    gateway
        The gateway's socket.
    folder
        A folder for this container's own, with a short path.
    """

    def __init__(self, gateway: Path, folder: Path) -> None:
        self._gateway = str(gateway)
        self.folder = folder
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen."""
        path = self.folder / SOCKET
        self._server = await asyncio.start_unix_server(self._lead, str(path))

    async def _lead(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):  # who asks in there sees that it is closed
            await join(self._gateway, reader, writer)

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()
        with contextlib.suppress(OSError):
            (self.folder / SOCKET).unlink()

    def mounts(self) -> list[Mount]:
        """Return what the container needs of this machine."""
        return [Mount(self.folder, SOCKET_FOLDER), Mount(FORWARDER, FORWARDER_THERE)]

    def around(self, command: list[str], python: str) -> list[str]:
        """Return a command that has the way while it runs."""
        socket = f"{SOCKET_FOLDER}/{SOCKET}"
        return [python, FORWARDER_THERE, "--socket", socket, "--then", *command]
