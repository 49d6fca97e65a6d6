"""Reproductions over REST: runs made again, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.reproduce.models import Reproduce

_REPRODUCE = "labstudio.reproduce.models"


class ReproduceHandler(StudioHandler):
    """Making one run again."""

    path = "runs/{run_id}/reproduce"
    # It submits a job: who may do that may do this.
    auth_resource = "labstudio:jobs"

    @operation(
        "reproduceRun",
        "Submit a job that makes a run again and reports what agrees.",
        body=f"{_REPRODUCE}:Reproduce",
        response="labstudio.jobs.models:Job",
        body_optional=True,
        status=201,
    )
    @web.authenticated
    @authorized
    async def post(self, run_id: str) -> None:
        """Submit a job that makes a run again and reports what agrees."""
        request: Reproduce = await self.body()
        user = self.owner
        await self.answer(lambda studio: studio.reproductions.start(run_id, request, user=user))


class ReproductionsHandler(StudioHandler):
    """What came of making one run again."""

    path = "runs/{run_id}/reproductions"
    auth_resource = "labstudio:runs"

    @operation(
        "listReproductions",
        "The reproductions of a run, newest first.",
        response=f"{_REPRODUCE}:ReproductionPage",
    )
    @web.authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """List the reproductions of a run."""
        await self.answer(lambda studio: studio.reproductions.list(run_id))
