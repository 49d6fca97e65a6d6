"""Jobs over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.jobs.left import LogQuery
    from labstudio.jobs.models import CreateJob, CreateSweep, ListJobs, RerunJob
    from labstudio_server.models import ResourceQuery, SourceQuery

_JOBS = "labstudio.jobs.models"
_LEFT = "labstudio.jobs.left"
_SERVER = "labstudio_server.models"
RESOURCE = "labstudio:jobs"


class JobsHandler(StudioHandler):
    """All jobs."""

    path = "jobs"
    auth_resource = RESOURCE

    @operation(
        "listJobs",
        "Jobs, newest first, a page at a time.",
        query=f"{_JOBS}:ListJobs",
        response=f"{_JOBS}:JobPage",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List jobs, newest first: those that the user may read."""
        query: ListJobs = await self.query()
        owners = await self.call(lambda studio: studio.jobs.store.owners())
        users = await authorization.visible(self, RESOURCE, self.owner, owners)
        shown = None if len(users) == len(owners) else users
        await self.answer(lambda studio: studio.jobs.list(query, users=shown))

    @operation(
        "createJob", "Submit a job.", body=f"{_JOBS}:CreateJob", response=f"{_JOBS}:Job", status=201
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Submit a job."""
        spec: CreateJob = await self.body()
        user, root = self.owner, self.root
        await self.answer(lambda studio: studio.jobs.create(spec, user=user, root=root))


class SweepsHandler(StudioHandler):
    """Sweeps: many jobs of one request."""

    path = "sweeps"
    auth_resource = RESOURCE

    @operation(
        "createSweep",
        "Submit one job for each combination of values.",
        body=f"{_JOBS}:CreateSweep",
        response=f"{_JOBS}:JobPage",
        status=201,
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Submit one job for each combination of values."""
        request: CreateSweep = await self.body()
        user, root = self.owner, self.root
        await self.answer_jobs(lambda studio: studio.jobs.sweep(request, user=user, root=root))


class JobHandler(StudioHandler):
    """One job."""

    path = "jobs/{job_id}"
    auth_resource = RESOURCE

    @operation("getJob", "All that is known of a job.", response=f"{_JOBS}:JobDetail")
    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Tell all that is known of a job."""
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.detail(job_id))

    @operation("deleteJob", "Delete an ended job with its files.", status=204)
    @web.authenticated
    @authorized
    async def delete(self, job_id: str) -> None:
        """Delete an ended job with its files."""
        await self.allow_job(job_id)
        await self.done(lambda studio: studio.jobs.delete(job_id))


class JobStopHandler(StudioHandler):
    """The end of one job."""

    path = "jobs/{job_id}/stop"
    auth_resource = RESOURCE

    @operation("stopJob", "Stop a job within 5 s.", response=f"{_JOBS}:Job")
    @web.authenticated
    @authorized
    async def post(self, job_id: str) -> None:
        """Stop a job."""
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.stop(job_id))


class JobRerunHandler(StudioHandler):
    """Another go at one job."""

    path = "jobs/{job_id}/rerun"
    auth_resource = RESOURCE

    @operation(
        "rerunJob",
        "Submit a job's snapshot again, with changes.",
        body=f"{_JOBS}:RerunJob",
        response=f"{_JOBS}:Job",
        body_optional=True,
        status=201,
    )
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

    path = "jobs/{job_id}/log"
    auth_resource = RESOURCE

    @operation(
        "getLog",
        "A piece of an attempt's log.",
        query=f"{_LEFT}:LogQuery",
        response=f"{_LEFT}:LogChunk",
    )
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

    path = "jobs/{job_id}/resources"
    auth_resource = RESOURCE

    @operation(
        "getResources",
        "What an attempt's processes used over time.",
        query=f"{_SERVER}:ResourceQuery",
        response=f"{_LEFT}:ResourceSeries",
    )
    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Give an attempt's processor, memory and GPU use over time."""
        query: ResourceQuery = await self.query()
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.resources(job_id, query.attempt, query.points))


class JobMetricsHandler(StudioHandler):
    """What one job logged."""

    path = "jobs/{job_id}/metrics"
    auth_resource = RESOURCE

    @operation("getMetrics", "The metrics logged to the job's run.", response=f"{_LEFT}:JobMetrics")
    @web.authenticated
    @authorized
    async def get(self, job_id: str) -> None:
        """Give the metrics of the job's run."""
        await self.allow_job(job_id)
        await self.answer(lambda studio: studio.jobs.metrics(job_id))


class SourceHandler(StudioHandler):
    """Notebooks and scripts before they are submitted."""

    path = "source"
    auth_resource = RESOURCE

    @operation(
        "inspectSource",
        "What a notebook or script offers before it is submitted.",
        query=f"{_SERVER}:SourceQuery",
        response=f"{_JOBS}:SourceInfo",
    )
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell what a notebook or script offers."""
        query: SourceQuery = await self.query()
        root = self.root
        await self.answer(lambda studio: studio.jobs.inspect(query.path, root))
