"""Saved views over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.views.models import CreateView, UpdateView, ViewsQuery

_VIEWS = "labstudio.views.models"
RESOURCE = "labstudio:views"


class ViewsHandler(StudioHandler):
    """All views."""

    path = "views"
    auth_resource = RESOURCE

    @operation(
        "listViews",
        "The user's own views and those that others share.",
        query=f"{_VIEWS}:ViewsQuery",
        response=f"{_VIEWS}:ViewPage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the views that the user may read."""
        query: ViewsQuery = await self.query()
        user = self.owner
        page = await self.call(lambda studio: studio.views.list(user, query.topic))
        owners = {view.user for view in page.items}
        users = await authorization.visible(self, RESOURCE, user, owners)
        page.items = [view for view in page.items if view.user in users]
        await self.answer(lambda _: page)

    @operation(
        "createView",
        "Keep a view.",
        body=f"{_VIEWS}:CreateView",
        response=f"{_VIEWS}:View",
        status=201,
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Keep a view."""
        spec: CreateView = await self.body()
        user = self.owner
        await self.answer(lambda studio: studio.views.create(spec, user))


class ViewHandler(StudioHandler):
    """One view."""

    path = "views/{view_id}"
    auth_resource = RESOURCE

    async def allow_view(self, view_id: str) -> None:
        """Refuse what belongs to somebody else, unless the authorizer says yes."""
        view = await self.call(lambda studio: studio.views.get(view_id))
        await self.allow(view.user)

    @operation(
        "updateView",
        "Change a view; what is left out stays.",
        body=f"{_VIEWS}:UpdateView",
        response=f"{_VIEWS}:View",
    )
    @web.authenticated
    @authorized
    async def patch(self, view_id: str) -> None:
        """Change a view."""
        spec: UpdateView = await self.body()
        await self.allow_view(view_id)
        await self.answer(lambda studio: studio.views.update(view_id, spec))

    @operation("deleteView", "Delete a view.", status=204)
    @web.authenticated
    @authorized
    async def delete(self, view_id: str) -> None:
        """Delete a view."""
        await self.allow_view(view_id)
        await self.done(lambda studio: studio.views.delete(view_id))
