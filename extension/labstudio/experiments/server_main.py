"""The tracking server's process: ``python -m labstudio.experiments.server_main``.

Only `labstudio.experiments.server.TrackingServer` starts it, with a listening socket to serve on.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
from typing import TYPE_CHECKING

from labstudio.experiments.place import Server, Store, place
from labstudio.experiments.server import (
    LOOPBACK,
    PLACE_VARIABLE,
    STORE_VARIABLE,
    read_tracking_json,
)
from labstudio.experiments.store import prepare, store_url, take_over
from labstudio.home import Home
from labstudio.serving import begin_child, serve, set_up_log

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG = logging.getLogger("labstudio.experiments.server")

# Where MLflow keeps its artifacts as clients name them: through this server, never by a local path.
PROXIED_ARTIFACTS = "mlflow-artifacts:/"


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until told to end or until the daemon is gone."""
    options = begin_child(__doc__, arguments)
    home = Home(options.home)
    set_up_log(home.tracking_log)
    LOG.setLevel(logging.INFO)
    serve_mlflow(home, options.fd)


def set_up_mlflow(home: Home, url: str) -> None:
    """Say by environment, as ``mlflow server`` does for its workers, what MLflow shall serve.

    It is read when MLflow is imported.
    """
    from labstudio.registry import webhooks

    os.environ |= webhooks.environment(home)
    os.environ |= {
        "_MLFLOW_SERVER_FILE_STORE": url,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": PROXIED_ARTIFACTS,
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": home.artifacts.as_uri(),
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_SGI_NAME": "uvicorn",
        "_MLFLOW_IN_JOB_EXECUTOR": "false",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_ENABLE_REMOTE_ASSISTANT": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ALLOWED_HOSTS": f"{LOOPBACK}:*,localhost:*",
        # MLflow logs its own progress to stderr otherwise, beside this process's log.
        "MLFLOW_CONFIGURE_LOGGING": "false",
        "DO_NOT_TRACK": "true",
    }


def make_ready(home: Home, database_url: str | None, served: Server | Store | None) -> str:
    """Make what is to be served ready, say it to MLflow, and return its address."""
    if not isinstance(served, Store):
        url = store_url(home.tracking_database_path, database_url)
        set_up_mlflow(home, url)
        prepare(url)
        return url
    set_up_mlflow(home, served.url)
    if served.folder is None:
        take_over(served.url)
    else:
        # MLflow keeps no files any more unless told to; it reads them still.
        os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
    return served.url


def serve_mlflow(home: Home, descriptor: int) -> None:
    """Serve MLflow's application behind the token."""
    listening = socket.socket(fileno=descriptor)
    token = read_tracking_json(home).get("token")
    if not isinstance(token, str) or not token:
        sys.exit(f"{home.tracking_json} holds no token.")
    database_url = os.environ.pop(STORE_VARIABLE, None)
    url = make_ready(home, database_url, place(os.environ.pop(PLACE_VARIABLE, "")))

    from mlflow.server.fastapi_app import app
    from mlflow.server.handlers import initialize_backend_stores

    from labstudio._studio import Studio
    from labstudio.experiments.guard import Guard
    from labstudio.experiments.telling import Teller, Telling
    from labstudio.registry import events

    # Otherwise the first requests would do it, all at once.
    initialize_backend_stores(url, None, PROXIED_ARTIFACTS)
    settings = {"database_url": database_url} if database_url else {}
    database = Studio(home.path, **settings).database
    events.follow(database)
    LOG.info("MLflow is served on port %d.", listening.getsockname()[1])
    teller = Teller(database)
    teller.start()
    serve(Guard(Telling(app, teller.note), token), listening)
    teller.stop()


if __name__ == "__main__":
    main()
