"""A log as it grows, over a websocket of its own.

Each frame is a LogChunk. A client that was cut off comes back with the last ``next_offset``. The
socket closes with code 1000 after the complete chunk, and with 4000 + the HTTP status when the
log cannot be read any more.
"""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from http.client import responses
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioMixin
from labstudio_server.problems import answer_for

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.jobs.left import LogChunk
    from labstudio_server.models import LogStreamQuery

_LEFT = "labstudio.jobs.left"
_SERVER = "labstudio_server.models"
CHUNK_BYTES = 1 << 18
# A log that has just grown is looked at soon again, a quiet one less often.
SOON_S = 0.02
LATER_S = 0.25
# How often the database is asked whether a quiet log's attempt has ended.
ENDED_CHECK_S = 0.5


class LogStreamHandler(WebSocketMixin, StudioMixin, WebSocketHandler):
    """The live log of one job."""

    path = "jobs/{job_id}/log/stream"
    auth_resource = "labstudio:jobs"
    _task: asyncio.Task[None] | None = None

    @operation(
        "streamLog",
        "Websocket: each frame is a LogChunk; it closes after the complete one.",
        query=f"{_SERVER}:LogStreamQuery",
        response=f"{_LEFT}:LogChunk",
        websocket=True,
    )
    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Refuse before the upgrade, so that a client sees a status; then upgrade."""
        await authorization.require(self, "read", self.auth_resource)
        await self.allow_job(args[0], "read")
        self.asked: LogStreamQuery = await self.query()
        await super().get(*args, **kwargs)

    def open(self, job_id: str) -> None:
        """Start to send."""
        super().open(job_id)
        self._task = asyncio.create_task(self._serve(job_id))

    def on_message(self, message: str | bytes) -> None:
        """Ignore what a client says; there is nothing to say."""

    def on_close(self) -> None:
        """Stop reading for a client that is gone."""
        if self._task is not None:
            self._task.cancel()
        super().on_close()

    async def _serve(self, job_id: str) -> None:
        try:
            await self._follow(job_id)
        except WebSocketClosedError:
            return
        except Exception as error:
            told = answer_for(error)
            self.log_exception(type(error), error, error.__traceback__)
            self.close(4000 + told.status, _reason(told.message, told.status))
        else:
            self.close(1000)

    async def _follow(self, job_id: str) -> None:
        """Send the log from the offset asked for until it is complete."""
        offset, attempt = self.asked.offset, self.asked.attempt
        first = True
        while True:
            chunk, frame = await self.call(partial(_read, job_id, offset, attempt))
            offset = chunk.next_offset
            if first or chunk.text or chunk.complete:
                # Waiting for the write is the back-pressure: a slow client is not read ahead of.
                await self.write_message(frame)
            if chunk.complete:
                return
            first = False
            if chunk.attempt and attempt is None:
                attempt = chunk.attempt  # a retry has a log, and offsets, of its own
            if offset >= chunk.size_bytes or not chunk.text:
                await self._wait_for_more(job_id, chunk)

    async def _wait_for_more(self, job_id: str, chunk: LogChunk) -> None:
        """Return when the file has grown, or when it is time to ask whether the attempt ended."""
        pause, waited = SOON_S, 0.0
        folder: Path = self.services.studio().home.attempt(job_id, chunk.attempt)
        while waited < ENDED_CHECK_S:
            await asyncio.sleep(pause)
            waited += pause
            pause = min(pause * 1.5, LATER_S)
            if await self.services.run(_size, folder) > chunk.size_bytes:
                return


def _read(job_id: str, offset: int, attempt: int | None, studio: Studio) -> tuple[LogChunk, bytes]:
    chunk = studio.jobs.log(job_id, offset, CHUNK_BYTES, attempt)
    return chunk, chunk.model_dump_json().encode()


def _size(folder: Path) -> int:
    from labstudio.jobs.files import log_size

    with contextlib.suppress(OSError):
        return log_size(folder)
    return 0


def _reason(message: str, status: int) -> str:
    """Return a text that fits: a close frame holds at most 123 bytes of reason."""
    return message if len(message.encode()) <= 123 else responses.get(status, "Error")
