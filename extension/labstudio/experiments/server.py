"""The MLflow tracking server as a child of the daemon.

The daemon owns the listening socket (`labstudio.serving`): the port stays open while the child is
restarted.
Address and token are kept in the home's ``tracking.json`` (0600) and stay the same from one daemon
to the next, as long as nobody else took the port: a job that outlives the daemon still reaches it.

For whoever proxies its user interface
--------------------------------------
MLflow's pages use relative addresses throughout (``static-files/...``, ``ajax-api/2.0/...``,
``graphql``) and keep their own state behind ``#``. No static prefix is needed: served at any
address that ends in ``/``, such as ``<base_url>labstudio/mlflow/``, they work when the proxy

- redirects the address without its last ``/`` to the one with it, and strips all of it: the page
  at ``<base_url>labstudio/mlflow/static-files/a.js`` is ``/static-files/a.js`` here;
- sends ``Authorization: Bearer <token>`` of `labstudio.experiments.connection.connection`, and its
  own ``Host`` (``127.0.0.1:port``: MLflow refuses others);
- drops the browser's ``Cookie``, ``Authorization``, ``Origin`` and ``Referer``: Jupyter has judged
  them, the tracking server must not see Jupyter's cookies, and MLflow refuses a foreign ``Origin``;
- never hands ``tracking.json``'s token to the browser.

Jupyter wants an XSRF token with every POST, and MLflow's pages do not know Jupyter's. But they send
the value of each cookie named ``mlflow-request-header-NAME`` as header ``NAME``: set the cookie
``mlflow-request-header-X-XSRFToken`` to the handler's ``xsrf_token``, with the proxy's address as
its path and SameSite=Lax, not HttpOnly, on every HTML answer. Answers carry
``X-Frame-Options: SAMEORIGIN``, so JupyterLab may show them in a frame.

A link to a run is ``#/experiments/<id>/runs/<run>?workflowType=machine_learning``: without that
query the pages open in the arrangement for language models. MLflow's assistant, which does not work
here (see `labstudio.experiments.guard`), opens by itself on a browser's first visit to a localhost
address, unless the page's origin, JupyterLab's own, has stored ``true`` under
``mlflow.assistant.fab.autoOpenedOnFirstLoad_v1`` in its local storage before.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import time
from typing import TYPE_CHECKING

from labstudio.errors import Unavailable
from labstudio.home import PRIVATE_FILE, write_atomic
from labstudio.serving import BACKLOG, KeptServer

if TYPE_CHECKING:
    from labstudio.experiments.connection import Connection
    from labstudio.experiments.place import Server
    from labstudio.home import Home

LOG = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"

# The server of a daemon that has just ended gives its port back within moments.
PORT_PATIENCE_S = 2.0

# The store's address may hold a password, so it travels by environment, not by argument.
STORE_VARIABLE = "LABSTUDIO_TRACKING_STORE"
# Records that are served instead of the studio's own; see `labstudio.experiments.place`.
PLACE_VARIABLE = "LABSTUDIO_TRACKING_PLACE"


class TrackingServer(KeptServer):
    """Starts, watches and ends the tracking server of a home.

    Parameters
    ----------
    home
        Where address, records, artifacts and log are kept.
    database_url
        A PostgreSQL URL for MLflow's records, which go into a schema of their own,
        ``labstudio_mlflow``. None: SQLite in the home.
    tracking_uri
        What is served instead: a database or folder of MLflow; see `labstudio.experiments.place`.
    """

    def __init__(self, home: Home, database_url: str | None = None, tracking_uri: str = "") -> None:
        module = "labstudio.experiments.server_main"
        super().__init__(home, "tracking server", module, home.tracking_log)
        self._database_url = database_url
        self._tracking_uri = tracking_uri

    def start(self) -> Connection:
        """Open the port, write ``tracking.json`` and start the child; return at once.

        The address can be used from now on: requests wait until the child answers.

        Raises
        ------
        Unavailable
            When no port can be opened or the home cannot be written.
        """
        from labstudio.experiments.connection import Connection

        old = read_tracking_json(self.home)
        if old.get("elsewhere"):
            old = {}  # what opens another's door opens none here
        token = str(old.get("token") or secrets.token_urlsafe(32))
        try:
            listening = open_socket(old.get("port"))
            port = listening.getsockname()[1]
            url = f"http://{LOOPBACK}:{port}"
            content = {"url": url, "port": port, "token": token, "daemon_pid": os.getpid()}
            write_atomic(self.home.tracking_json, json.dumps(content, indent=2))
            self.home.tracking_log.touch(mode=PRIVATE_FILE)
        except OSError as error:
            raise Unavailable(f"The tracking server cannot be started: {error}.") from error
        self.keep(listening)
        return Connection(url, token)

    def wait_ready(self, timeout_s: float = 60.0) -> Connection:
        """Wait until the server answers.

        Raises
        ------
        Unavailable
            When it does not within `timeout_s` seconds.
        """
        from labstudio.experiments.connection import connection, is_ready

        until = time.monotonic() + timeout_s
        while (left := until - time.monotonic()) > 0:
            if not self.keeping:
                break
            if is_ready(self.home, timeout_s=min(left, 5.0)):
                return connection(self.home)
            time.sleep(0.05)
        raise Unavailable(
            f"The tracking server does not answer; {self.home.tracking_log} may say why."
        )

    def environment(self) -> dict[str, str]:
        """Return the daemon's environment without what would steer MLflow elsewhere."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLFLOW_", "_MLFLOW_"))
        }
        told = {STORE_VARIABLE: self._database_url or "", PLACE_VARIABLE: self._tracking_uri}
        return kept | {name: value for name, value in told.items() if value}


def point_to(home: Home, where: Server) -> None:
    """Write ``tracking.json`` for a server that somebody else runs."""
    told = {"url": where.url, "token": where.token, "user": where.user, "elsewhere": True}
    write_atomic(home.tracking_json, json.dumps(told, indent=2))


def read_tracking_json(home: Home) -> dict[str, object]:
    """Return what ``tracking.json`` says; empty when it is missing or damaged."""
    try:
        content = json.loads(home.tracking_json.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def open_socket(wanted: object) -> socket.socket:
    """Return a socket listening on loopback, on the port wanted if that can be had."""
    if isinstance(wanted, int) and 0 < wanted < 2**16:
        until = time.monotonic() + PORT_PATIENCE_S
        while True:
            try:
                return listen(wanted)
            except OSError:
                if time.monotonic() > until:
                    LOG.warning("Port %d is taken; the tracking server gets another.", wanted)
                    break
            time.sleep(0.1)
    return listen(0)


def listen(port: int) -> socket.socket:
    """Return a socket listening on loopback; port 0 lets the system choose."""
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Connections of the server before this one may still be in TIME_WAIT.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((LOOPBACK, port))
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened
