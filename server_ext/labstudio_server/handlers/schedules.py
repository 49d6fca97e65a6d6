"""Schedules over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.endpoints import operation
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.schedules.models import (
        CreateSchedule,
        PreviewSchedule,
        Schedule,
        UpdateSchedule,
    )
    from labstudio_server.models import HistoryQuery

_JOBS = "labstudio.jobs.models"
_SCHEDULES = "labstudio.schedules.models"
_SERVER = "labstudio_server.models"
RESOURCE = "labstudio:schedules"


class ScheduleBase(StudioHandler):
    """What the handlers of one schedule share."""

    async def allow_schedule(self, schedule_id: str) -> Schedule:
        """Return a schedule that the user may touch."""
        schedule = await self.call(lambda studio: studio.schedules.get(schedule_id))
        await self.allow(schedule.user)
        return schedule


class SchedulesHandler(StudioHandler):
    """All schedules."""

    path = "schedules"
    auth_resource = RESOURCE

    @operation("listSchedules", "All schedules.", response=f"{_SCHEDULES}:SchedulePage")
    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the schedules that the user may read."""
        page = await self.call(lambda studio: studio.schedules.list())
        owners = {schedule.user for schedule in page.items}
        users = await authorization.visible(self, RESOURCE, self.owner, owners)
        page.items = [schedule for schedule in page.items if schedule.user in users]
        await self.answer(lambda _: page)

    @operation(
        "createSchedule",
        "Add a schedule.",
        body=f"{_SCHEDULES}:CreateSchedule",
        response=f"{_SCHEDULES}:Schedule",
        status=201,
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Add a schedule."""
        spec: CreateSchedule = await self.body()
        user, root = self.owner, self.root
        await self.answer(lambda studio: studio.schedules.create(spec, user=user, root=root))


class SchedulePreviewHandler(StudioHandler):
    """Cron lines before they are saved."""

    path = "schedules/preview"
    auth_resource = RESOURCE

    @operation(
        "previewSchedule",
        "A cron line in words, with the next five runs.",
        body=f"{_SCHEDULES}:PreviewSchedule",
        response=f"{_SCHEDULES}:SchedulePreview",
    )
    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Say a cron line in words, with the next five runs."""
        request: PreviewSchedule = await self.body()
        await self.answer(lambda studio: studio.schedules.preview(request))


class ScheduleHandler(ScheduleBase):
    """One schedule."""

    path = "schedules/{schedule_id}"
    auth_resource = RESOURCE

    @operation("getSchedule", "One schedule.", response=f"{_SCHEDULES}:Schedule")
    @web.authenticated
    @authorized
    async def get(self, schedule_id: str) -> None:
        """Tell of a schedule."""
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.get(schedule_id))

    @operation(
        "updateSchedule",
        "Change a schedule; what is left out stays.",
        body=f"{_SCHEDULES}:UpdateSchedule",
        response=f"{_SCHEDULES}:Schedule",
    )
    @web.authenticated
    @authorized
    async def patch(self, schedule_id: str) -> None:
        """Change a schedule."""
        changes: UpdateSchedule = await self.body()
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.update(schedule_id, changes))

    @operation("deleteSchedule", "Delete a schedule; its jobs stay.", status=204)
    @web.authenticated
    @authorized
    async def delete(self, schedule_id: str) -> None:
        """Delete a schedule; its jobs stay."""
        await self.allow_schedule(schedule_id)
        await self.done(lambda studio: studio.schedules.delete(schedule_id))


class SchedulePauseHandler(ScheduleBase):
    """A schedule's pause."""

    path = "schedules/{schedule_id}/pause"
    auth_resource = RESOURCE

    @operation("pauseSchedule", "Pause a schedule.", response=f"{_SCHEDULES}:Schedule")
    @web.authenticated
    @authorized
    async def post(self, schedule_id: str) -> None:
        """Pause a schedule."""
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.pause(schedule_id))


class ScheduleResumeHandler(ScheduleBase):
    """The end of a schedule's pause."""

    path = "schedules/{schedule_id}/resume"
    auth_resource = RESOURCE

    @operation("resumeSchedule", "Resume a schedule.", response=f"{_SCHEDULES}:Schedule")
    @web.authenticated
    @authorized
    async def post(self, schedule_id: str) -> None:
        """Resume a schedule."""
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.resume(schedule_id))


class ScheduleRunHandler(ScheduleBase):
    """A schedule's job, now."""

    path = "schedules/{schedule_id}/run"
    auth_resource = RESOURCE

    @operation("runSchedule", "Submit a schedule's job now.", response=f"{_JOBS}:Job", status=201)
    @web.authenticated
    @authorized
    async def post(self, schedule_id: str) -> None:
        """Submit a schedule's job now."""
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.run(schedule_id))


class ScheduleHistoryHandler(ScheduleBase):
    """A schedule's past."""

    path = "schedules/{schedule_id}/history"
    auth_resource = RESOURCE

    @operation(
        "getHistory",
        "What became of a schedule's due times, newest first.",
        query=f"{_SERVER}:HistoryQuery",
        response=f"{_SCHEDULES}:FirePage",
    )
    @web.authenticated
    @authorized
    async def get(self, schedule_id: str) -> None:
        """List what became of the due times."""
        query: HistoryQuery = await self.query()
        await self.allow_schedule(schedule_id)
        await self.answer(
            lambda studio: studio.schedules.history(
                schedule_id, limit=query.limit, cursor=query.cursor
            )
        )
