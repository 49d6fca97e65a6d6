"""OpenLineage: events of runs and jobs, for catalogues that gather lineage from everywhere.

The record is the queue: what was appended to it is told in order, off everybody's path, and
``openlineage.json`` in the home says how far. What is not taken is told again, so an event may come
twice and none is lost.
"""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING, Any, Protocol

import sqlalchemy as sa

from labstudio.database.tables import lineage as table
from labstudio.errors import InvalidInput, Unavailable
from labstudio.home import write_atomic
from labstudio.lineage.models import Relation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Row

    from labstudio._studio import Studio

log = logging.getLogger(__name__)

URL = "OPENLINEAGE_URL"
KEY = "OPENLINEAGE_API_KEY"
ENDPOINT = "OPENLINEAGE_ENDPOINT"
PROGRESS = "openlineage.json"
BATCH = 200
TIMEOUT_S = 5.0
FILE = "file:"
_REFUSED = (400, 413, 422)


class Transport(Protocol):
    """What delivers an event, or raises."""

    def emit(self, event: Any) -> Any:
        """Deliver it."""

    def close(self, timeout: float = -1) -> bool:
        """Let go of connections."""


def destination(studio: Studio) -> str:
    """Return where events go; empty: nowhere."""
    return studio.config.openlineage_url or os.environ.get(URL, "")


def transport(url: str) -> Transport:
    """Return what delivers to an address.

    Raises
    ------
    InvalidInput
        When it is neither of HTTP nor a file's.
    Unavailable
        When OpenLineage's client is not installed.
    """
    try:
        from openlineage.client.transport.file import FileConfig, FileTransport
        from openlineage.client.transport.http import HttpConfig, HttpTransport
    except ImportError as error:
        raise Unavailable(
            "OpenLineage events need its client: pip install 'labstudio[openlineage]'."
        ) from error
    if url.startswith(FILE):
        path = url.removeprefix(FILE).removeprefix("//")
        return FileTransport(FileConfig(log_file_path=path, append=True))
    if not url.startswith(("http://", "https://")):
        raise InvalidInput(
            "openlineage_url should begin with http://, https:// or file:.", field="openlineage_url"
        )
    settings: dict[str, Any] = {"url": url, "timeout": TIMEOUT_S, "retry": {"total": 0}}
    if key := os.environ.get(KEY):
        settings["auth"] = {"type": "api_key", "apiKey": key}
    if endpoint := os.environ.get(ENDPOINT):
        settings["endpoint"] = endpoint
    return HttpTransport(HttpConfig.from_dict(settings))


class Emitter:
    """Tells what the record gained; the daemon calls it again and again.

    Parameters
    ----------
    studio
        Whose record it is.
    url
        Where events go.
    """

    def __init__(self, studio: Studio, url: str) -> None:
        self._studio = studio
        self._url = url
        self._transport: Transport | None = None
        self._progress = studio.home.path / PROGRESS

    def step(self) -> int:
        """Tell what is new, until something is not taken; return how many events were.

        Raises
        ------
        Unavailable
            When an event is not taken; the next call begins with it.
        """
        told = 0
        while rows := self._next():
            for row in rows:
                for event in self._events(row):
                    self._deliver(event)
                    told += 1
                self._note(row.sequence)
        return told

    def _next(self) -> Sequence[Row[Any]]:
        query = (
            sa.select(table)
            .where(table.c.sequence > self._told())
            .order_by(table.c.sequence)
            .limit(BATCH)
        )
        with self._studio.database.read() as connection:
            return connection.execute(query).all()

    def _told(self) -> int:
        """Return the sequence of the last entry that was told.

        Where nothing was told yet it begins with what comes: a catalogue does not want years.
        """
        try:
            return int(json.loads(self._progress.read_text())["sequence"])
        except FileNotFoundError:
            with self._studio.database.read() as connection:
                newest = connection.scalar(sa.select(sa.func.max(table.c.sequence))) or 0
            self._note(newest)
            return newest

    def _note(self, sequence: int) -> None:
        write_atomic(self._progress, json.dumps({"sequence": sequence}), durable=False)

    def _events(self, row: Row[Any]) -> Sequence[Any]:
        if row.relation != Relation.is_ or not row.subject.startswith(("run:", "job:")):
            return ()
        from labstudio.lineage.events import events

        with self._studio.database.read() as connection:
            return events(connection, row, self._studio.config.openlineage_namespace)

    def _deliver(self, event: Any) -> None:
        if self._transport is None:
            self._transport = transport(self._url)
        try:
            self._transport.emit(event)
        except Exception as error:
            if getattr(getattr(error, "response", None), "status_code", None) in _REFUSED:
                # It would be refused again; what follows must not wait for it.
                log.warning("An OpenLineage event was refused and is left out: %s", error)
                return
            self._transport.close()
            self._transport = None
            raise Unavailable(f"OpenLineage events are not taken ({error}).") from error
