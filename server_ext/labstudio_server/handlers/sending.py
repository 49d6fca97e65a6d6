"""How files that somebody's code made are sent.

They are served so that a browser never runs them with the rights of this server's pages: into a
sandbox, and never with a guessed type.
"""

from __future__ import annotations

import re
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from tornado import web

from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from os import stat_result
    from pathlib import Path

SANDBOX = "sandbox allow-scripts allow-popups"
CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class Piece(NamedTuple):
    """Which part of a file to send."""

    start: int
    length: int
    partial: bool


class SandboxHandler(StudioHandler):
    """Base of those that serve pages which may run scripts of their own."""

    @property
    def content_security_policy(self) -> str:
        """HTML and SVG may run their own scripts, in an origin of their own."""
        return f"frame-ancestors 'self'; {SANDBOX}"


class FileSender(SandboxHandler):
    """Base of those that send a file of this machine."""

    async def send(
        self, file: Path, *, name: str, media_type: str, download: bool, with_body: bool
    ) -> None:
        """Send headers, and the bytes as fast as the client takes them.

        Parameters
        ----------
        file
            What to send.
        name
            Under which it is saved.
        media_type
            What it is.
        download
            Whether it is to be saved rather than shown.
        with_body
            False answers HEAD.
        """
        facts: stat_result = await self.services.run(file.stat)
        size, modified = facts.st_size, facts.st_mtime_ns
        tag = f'"{modified:x}-{size:x}"'
        self.set_header("ETag", tag)
        self.set_header("Cache-Control", "private, no-cache")
        if self.request.headers.get("If-None-Match") == tag:
            self.set_status(304)
            return
        piece = self.piece(size, tag)
        self.set_header("Accept-Ranges", "bytes")
        self.set_header("Last-Modified", formatdate(modified / 1e9, usegmt=True))
        self.set_header("Content-Type", _typed(media_type))
        self.set_header("Content-Length", piece.length)
        if download:
            saved = quote(name, safe="")
            self.set_header("Content-Disposition", f"attachment; filename*=utf-8''{saved}")
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


def _typed(media_type: str) -> str:
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
