"""What jobs leave: files, the output notebook, its page.

All of it is made by the user's code. It is served so that a browser never runs it with the rights
of this server's pages: into a sandbox, and never with a guessed type.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler
from labstudio_server.handlers.sending import FileSender, SandboxHandler

if TYPE_CHECKING:
    from labstudio.jobs.left import AttemptQuery
    from labstudio_server.models import FileQuery

_LEFT = "labstudio.jobs.left"
_SERVER = "labstudio_server.models"
RESOURCE = "labstudio:jobs"


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


class JobFileHandler(FileSender):
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
        file = await self.call(lambda studio: studio.jobs.file_path(job_id, path, query.attempt))
        await self.send(
            file,
            name=path.rpartition("/")[2],
            media_type=media_type(path),
            download=query.download,
            with_body=with_body,
        )
