"""Registered models over REST: the models, their versions and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio.errors import InvalidInput
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.registry.models import (
        CompareQuery,
        DeleteQuery,
        EventQuery,
        ModelQuery,
        RegisterModel,
        SetAlias,
        UpdateModel,
        UpdateVersion,
    )

_REGISTRY = "labstudio.registry.models"
RESOURCE = "labstudio:models"


def number(version: str) -> int:
    """Return a version that stands in an address."""
    if not version.isdigit() or int(version) < 1:
        raise InvalidInput(f"version must be a number, not {version!r}.", field="version")
    return int(version)


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

    @operation(
        "registerModel",
        "Make a version of a run's model; the registered model is made when it is new.",
        body=f"{_REGISTRY}:RegisterModel",
        response=f"{_REGISTRY}:VersionDetail",
        status=201,
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Register a model of a run."""
        request: RegisterModel = await self.body()
        user = self.owner
        await self.answer(lambda studio: studio.registry.register(request, user=user))


class ModelChangesHandler(StudioHandler):
    """What happened in the registry."""

    path = "models/changes"
    auth_resource = RESOURCE

    @operation(
        "listModelChanges",
        "What happened in the registry, newest first.",
        query=f"{_REGISTRY}:EventQuery",
        response=f"{_REGISTRY}:ModelEvents",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List what happened."""
        query: EventQuery = await self.query()
        await self.answer(lambda studio: studio.registry.events(query))


class DashboardHandler(StudioHandler):
    """Every model at a glance."""

    path = "dashboard"
    auth_resource = RESOURCE

    @operation(
        "getDashboard",
        "Every model: the version in use, its card, its last evaluation.",
        response=f"{_REGISTRY}:Dashboard",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell of every model."""
        await self.answer(lambda studio: studio.registry.dashboard())


class RunModelsHandler(StudioHandler):
    """The models that a run left."""

    path = "runs/{run_id}/models"
    auth_resource = RESOURCE

    @operation(
        "listRunModels",
        "The models of a run that can be registered.",
        response=f"{_REGISTRY}:RegistrablePage",
    )
    @web.authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """List the models that a run left."""
        await self.answer(lambda studio: studio.registry.registrable(run_id))


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

    @operation(
        "updateModel",
        "Change a model's description, tags, or whether it is a favourite.",
        body=f"{_REGISTRY}:UpdateModel",
        response=f"{_REGISTRY}:ModelDetail",
    )
    @web.authenticated
    @authorized
    async def patch(self, name: str) -> None:
        """Change a registered model."""
        changes: UpdateModel = await self.body()
        user = self.owner
        await self.answer(lambda studio: studio.registry.update(name, changes, user=user))

    @operation(
        "deleteModel",
        "Delete a model and its versions; runs and files stay.",
        query=f"{_REGISTRY}:DeleteQuery",
        status=204,
    )
    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Delete a registered model."""
        query: DeleteQuery = await self.query()
        user = self.owner
        await self.done(lambda studio: studio.registry.delete(name, query.confirm, user=user))


class ModelCompareHandler(StudioHandler):
    """Versions beside one another."""

    path = "models/{name}/compare"
    auth_resource = RESOURCE

    @operation(
        "compareVersions",
        "Versions of a model beside one another.",
        query=f"{_REGISTRY}:CompareQuery",
        response=f"{_REGISTRY}:Comparison",
    )
    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Compare versions."""
        query: CompareQuery = await self.query()
        await self.answer(lambda studio: studio.registry.compare(name, query.version))


class ModelVersionHandler(StudioHandler):
    """One version."""

    path = "models/{name}/versions/{version}"
    auth_resource = RESOURCE

    @operation(
        "getModelVersion",
        "A version with its signature, run, metrics and approvals.",
        response=f"{_REGISTRY}:VersionDetail",
    )
    @web.authenticated
    @authorized
    async def get(self, name: str, version: str) -> None:
        """Tell of a version."""
        wanted = number(version)
        await self.answer(lambda studio: studio.registry.version(name, wanted))

    @operation(
        "updateModelVersion",
        "Change a version's description or tags.",
        body=f"{_REGISTRY}:UpdateVersion",
        response=f"{_REGISTRY}:VersionDetail",
    )
    @web.authenticated
    @authorized
    async def patch(self, name: str, version: str) -> None:
        """Change a version."""
        changes: UpdateVersion = await self.body()
        user, at = self.owner, number(version)
        await self.answer(
            lambda studio: studio.registry.update_version(name, at, changes, user=user)
        )

    @operation(
        "deleteModelVersion",
        "Delete a version; its run and files stay.",
        query=f"{_REGISTRY}:DeleteQuery",
        status=204,
    )
    @web.authenticated
    @authorized
    async def delete(self, name: str, version: str) -> None:
        """Delete a version."""
        asked: DeleteQuery = await self.query()
        user, at = self.owner, number(version)
        await self.done(
            lambda studio: studio.registry.delete_version(name, at, asked.confirm, user=user)
        )


class ModelAliasHandler(StudioHandler):
    """An alias of a model."""

    path = "models/{name}/aliases/{alias}"
    auth_resource = RESOURCE

    @operation(
        "setAlias",
        "Let an alias name a version; a protected one wants an approval.",
        body=f"{_REGISTRY}:SetAlias",
        response=f"{_REGISTRY}:ModelDetail",
    )
    @web.authenticated
    @authorized
    async def put(self, name: str, alias: str) -> None:
        """Set an alias."""
        wanted: SetAlias = await self.body()
        user = self.owner
        await self.answer(
            lambda studio: studio.registry.set_alias(name, alias, wanted.version, user=user)
        )

    @operation("deleteAlias", "Take an alias away.", response=f"{_REGISTRY}:ModelDetail")
    @web.authenticated
    @authorized
    async def delete(self, name: str, alias: str) -> None:
        """Take an alias away."""
        user = self.owner
        await self.answer(lambda studio: studio.registry.delete_alias(name, alias, user=user))
