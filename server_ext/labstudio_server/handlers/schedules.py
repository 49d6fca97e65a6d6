"""Schedules over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from tornado import web

from labstudio_server import authorization
from labstudio_server.handlers.base import StudioHandler

if TYPE_CHECKING:
    from labstudio.schedules.models import (
        CreateSchedule,
        PreviewSchedule,
        Schedule,
        UpdateSchedule,
    )
    from labstudio_server.models import HistoryQuery

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

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """List the schedules that the user may read."""
        page = await self.call(lambda studio: studio.schedules.list())
        owners = {schedule.user for schedule in page.items}
        users = await authorization.visible(self, RESOURCE, self.owner, owners)
        page.items = [schedule for schedule in page.items if schedule.user in users]
        await self.answer(lambda _: page)

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Add a schedule."""
        spec: CreateSchedule = await self.body()
        user, root = self.owner, self.root
        await self.answer(lambda studio: studio.schedules.create(spec, user=user, root=root))


class SchedulePreviewHandler(StudioHandler):
    """Cron lines before they are saved."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Say a cron line in words, with the next five runs."""
        request: PreviewSchedule = await self.body()
        await self.answer(lambda studio: studio.schedules.preview(request))


class ScheduleHandler(ScheduleBase):
    """One schedule."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def get(self, schedule_id: str) -> None:
        """Tell of a schedule."""
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.get(schedule_id))

    @web.authenticated
    @authorized
    async def patch(self, schedule_id: str) -> None:
        """Change a schedule."""
        changes: UpdateSchedule = await self.body()
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.update(schedule_id, changes))

    @web.authenticated
    @authorized
    async def delete(self, schedule_id: str) -> None:
        """Delete a schedule; its jobs stay."""
        await self.allow_schedule(schedule_id)
        await self.done(lambda studio: studio.schedules.delete(schedule_id))


class SchedulePauseHandler(ScheduleBase):
    """A schedule's pause."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def post(self, schedule_id: str) -> None:
        """Pause a schedule."""
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.pause(schedule_id))


class ScheduleResumeHandler(ScheduleBase):
    """The end of a schedule's pause."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def post(self, schedule_id: str) -> None:
        """Resume a schedule."""
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.resume(schedule_id))


class ScheduleRunHandler(ScheduleBase):
    """A schedule's job, now."""

    auth_resource = RESOURCE

    @web.authenticated
    @authorized
    async def post(self, schedule_id: str) -> None:
        """Submit a schedule's job now."""
        await self.allow_schedule(schedule_id)
        await self.answer(lambda studio: studio.schedules.run(schedule_id))


class ScheduleHistoryHandler(ScheduleBase):
    """A schedule's past."""

    auth_resource = RESOURCE

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
