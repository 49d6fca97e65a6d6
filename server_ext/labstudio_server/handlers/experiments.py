"""Experiments over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.experiments.models import ListExperiments, UpdateExperiment

_EXPERIMENTS = "labstudio.experiments.models"


class ExperimentsHandler(StudioHandler):
    """All experiments."""

    path = "experiments"
    auth_resource = "labstudio:experiments"

    @operation(
        "listExperiments",
        "Experiments, the one that was last at work first.",
        query=f"{_EXPERIMENTS}:ListExperiments",
        response=f"{_EXPERIMENTS}:ExperimentPage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List experiments."""
        query: ListExperiments = await self.query()
        user = self.owner
        await self.answer(lambda studio: studio.runs.experiments(query.lifecycle, user=user))


class ExperimentHandler(StudioHandler):
    """One experiment."""

    path = "experiments/{experiment_id}"
    auth_resource = "labstudio:experiments"

    @operation(
        "updateExperiment",
        "Mark an experiment as one's favourite, or not.",
        body=f"{_EXPERIMENTS}:UpdateExperiment",
        response=f"{_EXPERIMENTS}:Experiment",
    )
    @web.authenticated
    @authorized
    async def patch(self, experiment_id: str) -> None:
        """Change an experiment."""
        edit: UpdateExperiment = await self.body()
        user = self.owner
        await self.answer(
            lambda studio: studio.runs.update_experiment(experiment_id, edit, user=user)
        )
