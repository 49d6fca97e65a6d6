"""Tells the studio's change feed which runs and models were written through the tracking server.

The tracking server's process sees every write that there is. It is told of here beside the request:
a write is neither slowed nor failed by it, and what is written often is told of once a second.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote

from sqlalchemy.exc import SQLAlchemyError

from labstudio.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from labstudio.changes import Kind
    from labstudio.database.engine import Database
    from labstudio.experiments.guard import App, Message, Receive, Scope, Send

LOG = logging.getLogger(__name__)

Topic = Literal["runs", "models"]
Change = tuple[Topic, str, "Kind"]

ANY = "*"
INTERVAL_S = 1.0
# Writes that come together, such as the first ones of a run, are told of together.
GATHER_S = 0.05
RETRY_S = 5.0
# Of a body only its beginning is looked at, and its end, where short ones have their names.
LOOKED_AT_BYTES = 64 * 1024

_API = re.compile(r"/(?:ajax-)?api/[\d.]+/mlflow/([a-z-]+)/([\w/.-]+)")
_ARTIFACT = re.compile(r"/(?:ajax-)?api/[\d.]+/mlflow-artifacts/artifacts/.*?\b([0-9a-f]{32})/")
_RUN_ID = re.compile(rb'(?<!\\)"(?:run_id|run_uuid|source_run_id)"\s*:\s*"([0-9a-zA-Z_-]{1,64})"')
_NAME = re.compile(rb'(?<!\\)"name"\s*:\s*("(?:[^"\\]|\\.)*")')
_READS = ("search", "get", "list", "download")
_RUNS = frozenset({"runs", "logged-models", "experiments", "metrics"})
_MODELS = frozenset({"registered-models", "model-versions"})
_BY_VERB: dict[str, Kind] = {"create": "created", "delete": "deleted"}


class Telling:
    """ASGI middleware: notes what successful writes were about.

    Parameters
    ----------
    app
        The application behind it.
    note
        Called with each change; it must return at once.
    """

    def __init__(self, app: App, note: Callable[[Change], None]) -> None:
        self._app = app
        self._note = note

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and look at what passes."""
        if scope["type"] != "http" or not is_write(scope["method"], scope["path"]):
            await self._app(scope, receive, send)
            return
        sent, answered = bytearray(), bytearray()
        status = 0

        async def listen() -> Message:
            message = await receive()
            keep(sent, message)
            return message

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            keep(answered, message)
            await send(message)

        await self._app(scope, listen, answer)
        if 200 <= status < 300:
            self._note(change(scope["path"], bytes(sent), bytes(answered)))


def keep(kept: bytearray, message: Message) -> None:
    """Keep the beginning of a body that passes."""
    if len(kept) < LOOKED_AT_BYTES:
        kept += message.get("body", b"")[: LOOKED_AT_BYTES - len(kept)]


def is_write(method: str, path: str) -> bool:
    """Tell whether a request changes what panels show."""
    if method in ("GET", "HEAD", "OPTIONS"):
        return False
    if _ARTIFACT.match(path):
        return True
    called = _API.match(path)
    if called is None or called[1] not in _RUNS | _MODELS:
        return False
    return not called[2].startswith(_READS)


def change(path: str, sent: bytes, answered: bytes) -> Change:
    """Return what a write that succeeded was about."""
    if upload := _ARTIFACT.match(unquote(path)):
        return "runs", upload[1], "changed"
    called = _API.match(path)
    assert called is not None
    kind = _BY_VERB.get(called[2], "changed")
    if called[1] in _MODELS:
        named = _NAME.search(sent) or _NAME.search(answered)
        name = json.loads(named[1]) if named else ANY
        # A version is a change of its model.
        return "models", name, kind if called[1] == "registered-models" else "changed"
    if called[1] != "runs":
        # An experiment holds many runs; a model that was logged may name its run.
        found = _RUN_ID.search(sent) if called[1] != "experiments" else None
        return "runs", found[1].decode() if found else ANY, "changed"
    found = _RUN_ID.search(sent) or _RUN_ID.search(answered)
    return "runs", found[1].decode() if found else ANY, kind


class Teller:
    """Writes changes into the feed from a thread of its own, each at most once a second.

    Parameters
    ----------
    database
        The studio's.
    interval_s
        How often the same run or model is told of at most.
    """

    def __init__(self, database: Database, interval_s: float = INTERVAL_S) -> None:
        self._database = database
        self._interval_s = interval_s
        self._waiting: dict[tuple[Topic, str], Kind] = {}
        self._told: dict[tuple[Topic, str], float] = {}
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._tell, name="teller", daemon=True)

    def start(self) -> None:
        """Begin to tell."""
        self._thread.start()

    def note(self, noted: Change) -> None:
        """Have a change told of soon; returns at once."""
        topic, object_id, kind = noted
        with self._changed:
            before = self._waiting.get((topic, object_id))
            self._waiting[topic, object_id] = merged(before, kind)
            self._changed.notify()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Tell what is left, and end."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _tell(self) -> None:
        while (due := self._next()) is not None:
            try:
                write(self._database, due)
            except (Unavailable, SQLAlchemyError) as error:
                LOG.warning("The change feed cannot be written: %s", error)
                self._put_back(due)
                if self._ended:
                    break
                time.sleep(RETRY_S)

    def _next(self) -> list[Change] | None:
        """Wait for changes that are due, and take them; None when all is told and it ends."""
        with self._changed:
            while True:
                now = time.monotonic()
                due = [
                    key
                    for key in self._waiting
                    if self._ended or now - self._told.get(key, -1e9) >= self._interval_s
                ]
                if due:
                    break
                if self._ended:
                    return None
                times = [self._told[key] + self._interval_s - now for key in self._waiting]
                self._changed.wait(max(0.001, min(times)) if times else None)
        time.sleep(0 if self._ended else GATHER_S)
        with self._changed:
            now = time.monotonic()
            self._told = {
                key: at for key, at in self._told.items() if now - at < self._interval_s
            } | dict.fromkeys(due, now)
            return [(*key, self._waiting.pop(key)) for key in due]

    def _put_back(self, changes: Iterable[Change]) -> None:
        with self._changed:
            for topic, object_id, kind in changes:
                after = self._waiting.get((topic, object_id))
                self._waiting[topic, object_id] = merged(kind, after) if after else kind


def merged(before: Kind | None, after: Kind) -> Kind:
    """Return what two changes of one thing are together."""
    return "created" if before == "created" and after == "changed" else after


def write(database: Database, changes: Iterable[Change]) -> None:
    """Add changes to the feed, in one transaction."""
    from labstudio import changes as feed

    with database.begin() as connection:
        for topic, object_id, kind in changes:
            feed.record(connection, topic, object_id, kind)
