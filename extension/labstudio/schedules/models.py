"""The nouns of schedules: a job with a cron line and a time zone."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, Field

from labstudio.inputs import Input
from labstudio.jobs.models import NAME_LIMIT, CreateJob


class MissedPolicy(StrEnum):
    """What happens to runs that fell due while no daemon was there to start them."""

    catch_up = "catch_up"
    last = "last"
    skip = "skip"


class OverlapPolicy(StrEnum):
    """What happens when a run falls due while the one before it has not ended."""

    allow = "allow"
    skip = "skip"
    stop_previous = "stop_previous"


class FireOutcome(StrEnum):
    """What became of a due time."""

    submitted = "submitted"
    skipped_missed = "skipped_missed"
    skipped_overlap = "skipped_overlap"
    failed = "failed"


class CreateSchedule(Input):
    """A schedule as it is asked for."""

    name: str | None = Field(None, min_length=1, max_length=NAME_LIMIT)
    job: CreateJob
    cron: str = Field(max_length=NAME_LIMIT, description="Five fields, as in crontab(5).")
    timezone: str = Field("UTC", description="IANA name, such as Europe/Berlin.")
    missed: MissedPolicy = MissedPolicy.last
    overlap: OverlapPolicy = OverlapPolicy.skip
    paused: bool = False


class UpdateSchedule(Input):
    """Changes to a schedule; what is left out stays."""

    name: str | None = Field(None, min_length=1, max_length=NAME_LIMIT)
    job: CreateJob | None = None
    cron: str | None = Field(None, max_length=NAME_LIMIT)
    timezone: str | None = None
    missed: MissedPolicy | None = None
    overlap: OverlapPolicy | None = None


class Schedule(BaseModel):
    """A schedule as it stands."""

    id: str
    name: str
    user: str
    job: CreateJob
    cron: str
    timezone: str
    words: str = Field(description="The cron line in English.")
    missed: MissedPolicy
    overlap: OverlapPolicy
    paused: bool
    created_at: datetime
    next_runs: list[datetime] = Field(
        default_factory=list, description="The next five, in the schedule's own zone's offset."
    )
    last_job_id: str | None = None
    revision: int = 0


class Fire(BaseModel):
    """One due time of a schedule and what became of it."""

    schedule_id: str
    due_at: datetime
    fired_at: datetime
    outcome: FireOutcome
    job_id: str | None = None
    reason: str | None = None
    manual: bool = False


class SchedulePage(BaseModel):
    """All schedules that the user may see."""

    items: list[Schedule]


class FirePage(BaseModel):
    """The history of a schedule, newest first."""

    items: list[Fire]
    next_cursor: str | None = None


class PreviewSchedule(Input):
    """A cron line to be explained before it is saved."""

    cron: str = Field(max_length=NAME_LIMIT)
    timezone: str = "UTC"


class SchedulePreview(BaseModel):
    """A cron line in words, with the next five runs."""

    words: str
    next_runs: list[datetime]
