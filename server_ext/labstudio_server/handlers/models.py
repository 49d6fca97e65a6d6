"""Registered models over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.registry.models import ModelQuery

_REGISTRY = "labstudio.registry.models"
RESOURCE = "labstudio:models"


class ModelsHandler(StudioHandler):
    """All registered models."""

    path = "models"
    auth_resource = RESOURCE

    @operation(
        "listModels",
        "Registered models.",
        query=f"{_REGISTRY}:ModelQuery",
        response=f"{_REGISTRY}:ModelPage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List registered models."""
        query: ModelQuery = await self.query()
        user = self.owner
        await self.answer(lambda studio: studio.registry.search(query, user=user))


class ModelHandler(StudioHandler):
    """One registered model."""

    path = "models/{name}"
    auth_resource = RESOURCE

    @operation(
        "getModel", "A registered model with its versions.", response=f"{_REGISTRY}:ModelDetail"
    )
    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Tell of a registered model."""
        user = self.owner
        await self.answer(lambda studio: studio.registry.get(name, user=user))
