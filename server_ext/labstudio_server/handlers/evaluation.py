"""What is computed over runs, over REST: predictions' curves, and parameters' importance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.experiments.evaluation_models import ImportanceQuery, PredictionsQuery

_EVALUATION = "labstudio.experiments.evaluation_models"
RESOURCE = "labstudio:runs"


class RunPredictionsHandler(StudioHandler):
    """What was predicted."""

    path = "runs/predictions"
    auth_resource = RESOURCE

    @operation(
        "getPredictions",
        "ROC, precision and recall, and confusion of the predictions that runs logged.",
        query=f"{_EVALUATION}:PredictionsQuery",
        response=f"{_EVALUATION}:Predictions",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Give what the predictions show."""
        query: PredictionsQuery = await self.query()
        await self.answer(lambda studio: studio.runs.predictions(query.run))


class RunImportanceHandler(StudioHandler):
    """Which parameters matter."""

    path = "runs/importance"
    auth_resource = RESOURCE

    @operation(
        "getImportance",
        "Which parameters a metric depends on most.",
        query=f"{_EVALUATION}:ImportanceQuery",
        response=f"{_EVALUATION}:Importance",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Weigh the parameters."""
        query: ImportanceQuery = await self.query()
        await self.answer(lambda studio: studio.runs.weigh(query))
