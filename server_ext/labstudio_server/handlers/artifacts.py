"""What runs leave, over REST.

All of it is made by the user's code. It is served so that a browser never runs it with the rights
of this server's pages: into a sandbox, never with a guessed type, and saved rather than shown where
it is nothing that a browser shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler
from labstudio_server.handlers.sending import FileSender

if TYPE_CHECKING:
    from labstudio.experiments.artifacts.models import (
        ArtifactFileQuery,
        ArtifactsQuery,
        ArtifactTableQuery,
    )

_ARTIFACTS = "labstudio.experiments.artifacts.models"
RESOURCE = "labstudio:runs"


class ArtifactsHandler(StudioHandler):
    """A folder of a run's artifacts."""

    path = "runs/{run_id}/artifacts"
    auth_resource = RESOURCE

    @operation(
        "listArtifacts",
        "What lies in a folder of a run's artifacts.",
        query=f"{_ARTIFACTS}:ArtifactsQuery",
        response=f"{_ARTIFACTS}:ArtifactFolder",
    )
    @web.authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """List a folder."""
        query: ArtifactsQuery = await self.query()
        await self.answer(lambda studio: studio.runs.folder(run_id, query.path))


class ArtifactTableHandler(StudioHandler):
    """A table among a run's artifacts."""

    path = "runs/{run_id}/artifacts/table"
    auth_resource = RESOURCE

    @operation(
        "getArtifactTable",
        "Some rows of a table: CSV, TSV, Parquet, JSON lines, or a table that MLflow logged.",
        query=f"{_ARTIFACTS}:ArtifactTableQuery",
        response=f"{_ARTIFACTS}:TablePage",
    )
    @web.authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Give some rows."""
        query: ArtifactTableQuery = await self.query()
        await self.answer(lambda studio: studio.runs.table_page(run_id, query))


class ArtifactFileHandler(FileSender):
    """One artifact's bytes."""

    path = "runs/{run_id}/artifacts/file"
    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def head(self, run_id: str) -> None:
        """Tell an artifact's size and type."""
        await self.send_artifact(run_id, with_body=False)

    @operation(
        "getArtifact",
        "One artifact's bytes; ranges are honoured.",
        query=f"{_ARTIFACTS}:ArtifactFileQuery",
        media_type="application/octet-stream",
    )
    @web.authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Give an artifact, or the range asked for."""
        await self.send_artifact(run_id, with_body=True)

    async def send_artifact(self, run_id: str, *, with_body: bool) -> None:
        """Send an artifact, to be shown only where that is safe."""
        from labstudio.experiments.artifacts.kinds import is_safe, type_of

        query: ArtifactFileQuery = await self.query()
        file = await self.call(lambda studio: studio.runs.artifact(run_id, query.path))
        await self.send(
            file,
            name=query.path.rpartition("/")[2],
            media_type=type_of(query.path),
            download=query.download or not is_safe(query.path),
            with_body=with_body,
        )
