"""The usage ledger over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.usage.models import UsageQuery

_USAGE = "labstudio.usage.models"
RESOURCE = "labstudio:usage"


class UsageBase(StudioHandler):
    """What the two forms of a report share."""

    async def shown(self) -> list[str] | None:
        """Return whose use the user may see; None for everybody's."""
        owners = await self.call(lambda studio: studio.usage.users())
        users = await authorization.visible(self, RESOURCE, self.owner, owners)
        return None if len(users) == len(owners) else users


class UsageHandler(UsageBase):
    """A report."""

    path = "usage"
    auth_resource = RESOURCE

    @operation(
        "getUsage",
        "Who used how much of which compute, and what it cost.",
        query=f"{_USAGE}:UsageQuery",
        response=f"{_USAGE}:UsageReport",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Add up a part of the ledger."""
        query: UsageQuery = await self.query()
        users = await self.shown()
        await self.answer(lambda studio: studio.usage.report(query, users=users))


class UsageCsvHandler(UsageBase):
    """A report as a file."""

    path = "usage.csv"
    auth_resource = RESOURCE

    @operation(
        "getUsageCsv",
        "The rows of a usage report as CSV.",
        query=f"{_USAGE}:UsageQuery",
        media_type="text/csv",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give the rows as CSV."""
        query: UsageQuery = await self.query()
        users = await self.shown()
        text = await self.call(lambda studio: studio.usage.csv(query, users=users))
        self.set_header("Content-Disposition", 'attachment; filename="usage.csv"')
        await self.finish(text, set_content_type="text/csv; charset=utf-8")
