"""The gateway's process: ``python -m labstudio.gateway.server_main``.

Only `labstudio.gateway.server.GatewayServer` starts it, with a listening socket to serve on.
"""

from __future__ import annotations

import argparse
import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from labstudio._studio import Studio
from labstudio.gateway.server import LOG_NAME
from labstudio.jobs.processes import die_with_parent
from labstudio.serving import set_up_log

if TYPE_CHECKING:
    from collections.abc import Sequence

SHUTDOWN_PATIENCE_S = 2


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to end or until the daemon is gone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--fd", type=int, required=True, help="a listening socket")
    parser.add_argument("--parent", type=int, required=True, help="the daemon's process id")
    options = parser.parse_args(arguments)
    die_with_parent(options.parent)
    os.umask(0o077)
    studio = Studio(options.home)
    set_up_log(studio.home.path / LOG_NAME)
    logging.getLogger("labstudio").setLevel(logging.INFO)

    import uvicorn

    from labstudio.gateway.app import make_app

    config = uvicorn.Config(
        make_app(studio),
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_PATIENCE_S,
        # Whoever is at the socket is not believed to be somebody else.
        proxy_headers=False,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=options.fd)])


if __name__ == "__main__":
    main()
