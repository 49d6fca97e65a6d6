"""The gateway's process: ``python -m labstudio.gateway.server_main``.

Only `labstudio.gateway.server.GatewayServer` starts it, with a listening socket to serve on.
"""

from __future__ import annotations

import logging
import socket
from typing import TYPE_CHECKING

from labstudio._studio import Studio
from labstudio.gateway.server import LOG_NAME
from labstudio.serving import begin_child, serve, set_up_log

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to end or until the daemon is gone."""
    options = begin_child(__doc__, arguments)
    studio = Studio(options.home)
    set_up_log(studio.home.path / LOG_NAME)
    logging.getLogger("labstudio").setLevel(logging.INFO)

    from labstudio.gateway.app import make_app

    # Whoever is at the socket is not believed to be somebody else.
    serve(make_app(studio), socket.socket(fileno=options.fd), proxy_headers=False)


if __name__ == "__main__":
    main()
