"""What jobs leave: files, the output notebook, its page.

All of it is made by the user's code. It is served so that a browser never runs it with the rights
of this server's pages: into a sandbox, and never with a guessed type.
"""

from __future__ import annotations

import json
import re
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio._studio import Studio
    from labstudio.jobs.left import AttemptQuery
    from labstudio_server.models import FileQuery

_LEFT = "labstudio.jobs.left"
_SERVER = "labstudio_server.models"
RESOURCE = "labstudio:jobs"
SANDBOX = "sandbox allow-scripts allow-popups"
CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Piece(NamedTuple):
    """Which part of a file to send."""

    start: int
    length: int
    partial: bool


class JobFilesHandler(StudioHandler):
    """The list of files."""

    path = "jobs/{job_id}/files"
    auth_resource = RESOURCE

    @operation(
        "listFiles",
        "The files that an attempt left.",
        query=f"{_LEFT}:AttemptQuery",
        response=f"{_LEFT}:JobFiles",
    )
    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """List the files that an attempt left."""
        query: AttemptQuery = await self.query()
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.files(job_id, query.attempt))


class JobNotebookHandler(StudioHandler):
    """The output notebook."""

    path = "jobs/{job_id}/notebook"
    auth_resource = RESOURCE

    @operation(
        "getNotebook",
        "The output notebook as it stands (nbformat 4).",
        query=f"{_LEFT}:AttemptQuery",
    )
    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Give the output notebook as it stands."""
        query: AttemptQuery = await self.query()
        await self.allow_job(job_id)
        await self.finish(
            await self.call(lambda studio: json.dumps(studio.jobs.notebook(job_id, query.attempt)))
        )


class SandboxHandler(StudioHandler):
    """Base of those that serve pages which may run scripts of their own."""

    @property
    def content_security_policy(self) -> str:
        """HTML and SVG may run their own scripts, in an origin of their own."""
        return f"frame-ancestors 'self'; {SANDBOX}"


class JobHtmlHandler(SandboxHandler):
    """The output notebook's page."""

    path = "jobs/{job_id}/html"
    auth_resource = RESOURCE

    @operation(
        "getHtml",
        "The output notebook as one HTML page.",
        query=f"{_LEFT}:AttemptQuery",
        media_type="text/html",
    )
    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Give the output notebook as a page."""
        query: AttemptQuery = await self.query()
        await self.allow_job(job_id)
        page = await self.call(lambda studio: studio.jobs.html(job_id, query.attempt).encode())
        await self.finish(page, set_content_type="text/html; charset=utf-8")


class JobFileHandler(SandboxHandler):
    """One file's bytes."""

    path = "jobs/{job_id}/files/{path}"
    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def head(self, job_id: str, path: str) -> None:
        """Tell a file's size and type."""
        await self.send_file(job_id, path, with_body=False)

    @operation(
        "getFile",
        "One file's bytes; ranges are honoured.",
        query=f"{_SERVER}:FileQuery",
        media_type="application/octet-stream",
    )
    @web.authenticated
    @authorized
    async def get(self, job_id: str, path: str) -> None:
        """Give a file, or the range asked for."""
        await self.send_file(job_id, path, with_body=True)

    async def send_file(self, job_id: str, path: str, *, with_body: bool) -> None:
        """Send headers, and the bytes as fast as the client takes them."""
        from labstudio.jobs.files import media_type

        query: FileQuery = await self.query()
        await self.allow_job(job_id)
        file, size, modified = await self.call(
            lambda studio: _found(studio, job_id, path, query.attempt)
        )
        tag = f'"{modified:x}-{size:x}"'
        self.set_header("ETag", tag)
        self.set_header("Cache-Control", "private, no-cache")
        if self.request.headers.get("If-None-Match") == tag:
            self.set_status(304)
            return
        piece = self.piece(size, tag)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Last-Modified", formatdate(modified / 1e9, usegmt=True))
        self.set_header("Content-Type", _typed(media_type(path)))
        self.set_header("Content-Length", piece.length)
        if query.download:
            name = quote(path.rpartition("/")[2], safe="")
            self.set_header("Content-Disposition", f"attachment; filename*=utf-8''{name}")
        if piece.partial:
            last = piece.start + piece.length - 1
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {piece.start}-{last}/{size}")
        if with_body:
            await self.send_bytes(file, piece)

    def piece(self, size: int, tag: str) -> Piece:
        """Which bytes the request asks for; several ranges at once are answered with all."""
        asked = _RANGE.fullmatch(self.request.headers.get("Range", "").strip())
        if asked is None or not any(asked.groups()):
            return Piece(0, size, partial=False)
        if self.request.headers.get("If-Range", tag) != tag:
            return Piece(0, size, partial=False)
        first, last = asked.groups()
        start = int(first) if first else max(size - int(last), 0)
        end = min(int(last), size - 1) if first and last else size - 1
        if start > end:
            self.set_header("Content-Range", f"bytes */{size}")
            raise web.HTTPError(416, f"The file has {size} bytes; the range asked for has none")
        return Piece(start, end - start + 1, partial=True)

    async def send_bytes(self, file: Path, piece: Piece) -> None:
        """Read in a thread and write with back-pressure."""
        stream = await self.services.run(file.open, "rb")
        try:
            stream.seek(piece.start)
            left = piece.length
            while left > 0:
                chunk = await self.services.run(stream.read, min(CHUNK_BYTES, left))
                if not chunk:  # it was truncated meanwhile; Tornado closes the connection
                    break
                left -= len(chunk)
                self.write(chunk)
                await self.flush()
        finally:
            stream.close()

    def finish(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        """Keep the type of the file; the API's own base would say JSON."""
        self.update_api_activity()
        return web.RequestHandler.finish(self, *args, **kwargs)  # type: ignore[arg-type]


def _found(studio: Studio, job_id: str, path: str, attempt: int | None) -> tuple[Path, int, int]:
    file = studio.jobs.file_path(job_id, path, attempt)
    stat = file.stat()
    return file, stat.st_size, stat.st_mtime_ns


def _typed(media_type: str) -> str:
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
