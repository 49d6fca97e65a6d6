"""Jobs over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.jobs.models import CreateJob, CreateSweep, ListJobs, LogQuery, RerunJob
    from labstudio_server.models import ResourceQuery, SourceQuery

RESOURCE = "labstudio:jobs"


class JobsHandler(StudioHandler):
    """All jobs."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List jobs, newest first: those that the user may read."""
        query: ListJobs = await self.query()
        owners = await self.call(lambda studio: studio.jobs.store.owners())
        users = await authorization.visible(self, RESOURCE, self.owner, owners)
        shown = None if len(users) == len(owners) else users
        await self.answer(lambda studio: studio.jobs.list(query, users=shown))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Submit a job."""
        spec: CreateJob = await self.body()
        user, root = self.owner, self.root
        await self.answer(lambda studio: studio.jobs.create(spec, user=user, root=root))


class SweepsHandler(StudioHandler):
    """Sweeps: many jobs of one request."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Submit one job for each combination of values."""
        request: CreateSweep = await self.body()
        user, root = self.owner, self.root
        await self.answer_jobs(lambda studio: studio.jobs.sweep(request, user=user, root=root))


class JobHandler(StudioHandler):
    """One job."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Tell all that is known of a job."""
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.detail(job_id))

    @web.authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """Delete an ended job with its files."""
        await self.allow_job(job_id)
        await self.done(lambda studio: studio.jobs.delete(job_id))


class JobStopHandler(StudioHandler):
    """The end of one job."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        """Stop a job."""
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.stop(job_id))


class JobRerunHandler(StudioHandler):
    """Another go at one job."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        """Submit a job's snapshot again, with changes."""
        changes: RerunJob = await self.body()
        await self.allow_job(job_id)
        user = self.owner
        await self.answer(lambda studio: studio.jobs.rerun(job_id, changes, user=user))


class JobLogHandler(StudioHandler):
    """The log of one job."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Give a piece of an attempt's log."""
        query: LogQuery = await self.query()
        await self.allow_job(job_id)
        await self.answer(
            lambda studio: studio.jobs.log(job_id, query.offset, query.limit, query.attempt)
        )


class JobResourcesHandler(StudioHandler):
    """What one job used."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Give an attempt's processor, memory and GPU use over time."""
        query: ResourceQuery = await self.query()
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.resources(job_id, query.attempt, query.points))


class JobMetricsHandler(StudioHandler):
    """What one job logged."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Give the metrics of the job's run."""
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.metrics(job_id))


class SourceHandler(StudioHandler):
    """Notebooks and scripts before they are submitted."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell what a notebook or script offers."""
        query: SourceQuery = await self.query()
        root = self.root
        await self.answer(lambda studio: studio.jobs.inspect(query.path, root))
