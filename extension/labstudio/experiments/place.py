"""Where MLflow's runs are kept: in the home, in a store of before, or on a server elsewhere.

``tracking_uri`` says it. Everything that speaks to MLflow asks ``tracking.json``, which the daemon
writes; so notebooks, jobs, the proxy and the panels need not know where it leads.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from labstudio.errors import InvalidInput

if TYPE_CHECKING:
    from labstudio.home import Home

DATABASES = ("sqlite", "postgresql", "postgres", "postgresql+psycopg")
TAKEN = "http(s)://, sqlite:///, postgresql:// or a folder that MLflow made"


@dataclass(frozen=True)
class Server:
    """A tracking server that somebody else runs."""

    url: str
    token: str = field(default="", repr=False)
    user: str = ""


@dataclass(frozen=True)
class Store:
    """Records and artifacts that the studio's own tracking server serves as they are."""

    url: str = field(repr=False)
    folder: Path | None = None
    """Where files of MLflow's file store lie; None: it is a database."""


def place(uri: str) -> Server | Store | None:
    """Return where ``tracking_uri`` leads; None: it is empty, and the home keeps the runs.

    Raises
    ------
    InvalidInput
        When it leads nowhere that the studio knows.
    """
    given = uri.strip()
    if not given:
        return None
    parts = urlsplit(given)
    if parts.scheme in ("http", "https"):
        return server(given)
    if parts.scheme in DATABASES:
        return Store(database(given))
    if parts.scheme in ("", "file"):
        folder = Path(unquote(parts.path) if parts.scheme else given).expanduser().absolute()
        if not folder.is_dir():
            raise InvalidInput(f"tracking_uri: there is no folder {folder}.", field="tracking_uri")
        return Store(str(folder), folder)
    raise InvalidInput(f"tracking_uri is {TAKEN}, not {parts.scheme}://.", field="tracking_uri")


def server(uri: str) -> Server:
    """Return a server with what MLflow's own variables say of its door."""
    parts = urlsplit(uri)
    bare = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
    user = unquote(parts.username or "") or os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    if user:
        given = unquote(parts.password or "") or os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
        return Server(bare.rstrip("/"), given, user)
    return Server(bare.rstrip("/"), os.environ.get("MLFLOW_TRACKING_TOKEN", ""))


def database(uri: str) -> str:
    """Return a database's address as SQLAlchemy has it here, a file's made absolute."""
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(uri)
    except ArgumentError as error:
        raise InvalidInput(f"tracking_uri is {TAKEN}.", field="tracking_uri") from error
    if url.get_backend_name() != "sqlite":
        return url.set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    path = Path(url.database or "").expanduser().absolute()
    if not url.database or not path.is_file():
        raise InvalidInput(f"tracking_uri: there is no file {path}.", field="tracking_uri")
    return f"sqlite:///{path}"


def adopt(home: Home) -> None:
    """Let ``MLFLOW_TRACKING_URI`` of this process lead the studio, for what it starts too.

    Jupyter Server does so as it loads the extension. What leads to the studio's own server is left
    alone: that is where runs go anyhow.
    """
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").rstrip("/")
    if not uri or os.environ.get("LABSTUDIO_TRACKING_URI") or os.environ.get("LABSTUDIO_URL"):
        return
    from labstudio.experiments.server import read_tracking_json

    if uri == read_tracking_json(home).get("url"):
        return
    os.environ["LABSTUDIO_TRACKING_URI"] = uri
