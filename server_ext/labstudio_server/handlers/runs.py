"""Runs over REST: found, listed, grouped, and what they can be found by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.experiments.models import ColumnsQuery, GroupQuery, RunQuery, ValuesQuery

_EXPERIMENTS = "labstudio.experiments.models"
RESOURCE = "labstudio:runs"


class RunsHandler(StudioHandler):
    """All runs."""

    path = "runs"
    auth_resource = RESOURCE

    @operation(
        "searchRuns",
        "Runs that match, a window at a time.",
        query=f"{_EXPERIMENTS}:RunQuery",
        response=f"{_EXPERIMENTS}:RunPage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Find runs."""
        query: RunQuery = await self.query()
        user = self.owner
        await self.answer(lambda studio: studio.runs.page(query, user=user))


class RunColumnsHandler(StudioHandler):
    """What runs have."""

    path = "runs/columns"
    auth_resource = RESOURCE

    @operation(
        "listRunColumns",
        "Parameters, metrics and tags that runs have, with counts.",
        query=f"{_EXPERIMENTS}:ColumnsQuery",
        response=f"{_EXPERIMENTS}:RunColumns",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List what runs have."""
        query: ColumnsQuery = await self.query()
        await self.answer(lambda studio: studio.runs.columns(query.experiment))


class RunValuesHandler(StudioHandler):
    """Values of a key, for completion."""

    path = "runs/values"
    auth_resource = RESOURCE

    @operation(
        "listRunValues",
        "Values that a parameter, tag or attribute has.",
        query=f"{_EXPERIMENTS}:ValuesQuery",
        response=f"{_EXPERIMENTS}:RunValues",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List values."""
        query: ValuesQuery = await self.query()
        await self.answer(lambda studio: studio.runs.values(query))


class RunGroupsHandler(StudioHandler):
    """Runs in groups."""

    path = "runs/groups"
    auth_resource = RESOURCE

    @operation(
        "groupRuns",
        "Runs grouped by a parameter, tag, attribute or experiment.",
        query=f"{_EXPERIMENTS}:GroupQuery",
        response=f"{_EXPERIMENTS}:RunGroups",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Group runs."""
        query: GroupQuery = await self.query()
        user = self.owner
        await self.answer(lambda studio: studio.runs.groups(query, user=user))
