"""Moves of live notebooks between computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio_server.moving.mover import Mover


_NAMESPACE = "labstudio.namespace.models"


class MoveHandler(StudioHandler):
    """The move of one kernel's notebook."""

    path = "kernels/{kernel_id}/move"
    auth_resource = "labstudio:kernels"

    @property
    def mover(self) -> Mover:
        """What makes this server's moves."""
        assert self.services.mover is not None
        return self.services.mover

    @operation(
        "getMove",
        "How far a notebook's move is, or how its last one ended.",
        response=f"{_NAMESPACE}:Move",
    )
    @web.authenticated
    @authorized
    async def get(self, kernel_id: str) -> None:
        """Tell how far the move is, or how the last one ended."""
        moves = self.mover.moves()
        await self.answer(lambda _: moves.get(kernel_id))

    @operation(
        "createMove",
        "Move a live notebook to another compute, its variables with it.",
        body=f"{_NAMESPACE}:CreateMove",
        response=f"{_NAMESPACE}:Move",
        status=202,
    )
    @web.authenticated
    @authorized
    async def post(self, kernel_id: str) -> None:
        """Begin a move; follow it with GET."""
        await authorization.require(self, "write", "kernels")
        wanted = await self.body()
        move = await self.mover.begin(kernel_id, wanted)
        await self.answer(lambda _: move)

    @operation("cancelMove", "Give up a move; the notebook stays.", status=204)
    @web.authenticated
    @authorized
    async def delete(self, kernel_id: str) -> None:
        """Give up a move; the notebook stays where it is."""
        await authorization.require(self, "write", "kernels")
        moves = self.mover.moves()
        await self.done(lambda _: moves.cancel(kernel_id))
