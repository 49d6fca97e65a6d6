"""One run, and runs beside each other, over REST.

Runs are everybody's who may read them: the authorizer decides on ``labstudio:runs`` as a whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.experiments.curve_models import CurvesQuery
    from labstudio.experiments.run_models import CompareQuery, EditRun, EditRuns

_RUN = "labstudio.experiments.run_models"
_CURVES = "labstudio.experiments.curve_models"
RESOURCE = "labstudio:runs"


class RunEditHandler(StudioHandler):
    """What is changed of many runs at once."""

    path = "runs/edit"
    auth_resource = RESOURCE

    @operation(
        "editRuns",
        "Mark, tag, archive, delete or restore many runs; the opposite edit undoes it.",
        body=f"{_RUN}:EditRuns",
        response=f"{_RUN}:RunsEdited",
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Change many runs."""
        edit: EditRuns = await self.body()
        user = self.owner
        await self.answer(lambda studio: studio.runs.edit(edit, user=user))


class RunCurvesHandler(StudioHandler):
    """Metric curves."""

    path = "runs/curves"
    auth_resource = RESOURCE

    @operation(
        "getCurves",
        "Metrics of runs as curves, thinned to what can be drawn.",
        query=f"{_CURVES}:CurvesQuery",
        response=f"{_CURVES}:Curves",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give curves."""
        query: CurvesQuery = await self.query()
        await self.answer(lambda studio: studio.runs.curves(query))


class RunCompareHandler(StudioHandler):
    """Runs side by side."""

    path = "runs/compare"
    auth_resource = RESOURCE

    @operation(
        "compareRuns",
        "Parameters, metrics, code, environment, data and hardware of runs side by side.",
        query=f"{_RUN}:CompareQuery",
        response=f"{_RUN}:Comparison",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Compare runs."""
        query: CompareQuery = await self.query()
        await self.answer(lambda studio: studio.runs.compare(query.run))


class RunHandler(StudioHandler):
    """One run."""

    path = "runs/{run_id}"
    auth_resource = RESOURCE

    @operation("getRun", "One run, whole.", response=f"{_RUN}:RunDetail")
    @web.authenticated
    @authorized
    async def get(self, run_id: str) -> None:
        """Tell of a run."""
        user = self.owner
        await self.answer(lambda studio: studio.runs.detail(run_id, user=user))

    @operation(
        "updateRun",
        "Change a run's name, note or tags; what is left out stays.",
        body=f"{_RUN}:EditRun",
        response=f"{_RUN}:RunDetail",
    )
    @web.authenticated
    @authorized
    async def patch(self, run_id: str) -> None:
        """Change a run."""
        edit: EditRun = await self.body()
        user = self.owner
        await self.answer(lambda studio: studio.runs.update(run_id, edit, user=user))
