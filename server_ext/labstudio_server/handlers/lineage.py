"""Lineage over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.lineage.models import GraphQuery, SearchQuery, StaleQuery

_LINEAGE = "labstudio.lineage.models"
RESOURCE = "labstudio:lineage"


class LineageHandler(StudioHandler):
    """The graph around an object."""

    path = "lineage"
    auth_resource = RESOURCE

    @operation(
        "getLineage",
        "What an object came from, and what came of it.",
        query=f"{_LINEAGE}:GraphQuery",
        response=f"{_LINEAGE}:Graph",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Walk from an object."""
        asked: GraphQuery = await self.query()
        root = self.root
        await self.answer(lambda studio: studio.lineage.graph(asked, root=root))


class LineageSearchHandler(StudioHandler):
    """Objects by a part of their name."""

    path = "lineage/search"
    auth_resource = RESOURCE

    @operation(
        "searchLineage",
        "Objects whose name, path or hash holds a text.",
        query=f"{_LINEAGE}:SearchQuery",
        response=f"{_LINEAGE}:NodePage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Find objects."""
        asked: SearchQuery = await self.query()
        await self.answer(lambda studio: studio.lineage.search(asked))


class LineageVerifyHandler(StudioHandler):
    """Whether the record is whole."""

    path = "lineage/verify"
    auth_resource = RESOURCE

    @operation(
        "verifyLineage",
        "Whether every entry is as it was written.",
        response=f"{_LINEAGE}:Verification",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Check the chain of hashes."""
        await self.answer(lambda studio: studio.lineage.verify())


class LineageStaleHandler(StudioHandler):
    """What rests on data that has changed."""

    path = "lineage/stale"
    auth_resource = RESOURCE

    @operation(
        "getStale",
        "What rests on data that has changed since, and why.",
        query=f"{_LINEAGE}:StaleQuery",
        response=f"{_LINEAGE}:StalePage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Compare files with what was recorded of them."""
        asked: StaleQuery = await self.query()
        root = self.root
        await self.answer(lambda studio: studio.lineage.stale(asked, root=root))
