"""From a due time to a job.

A due time is claimed first: its row in the history, whose primary key only one daemon can insert.
Then the job is submitted under an idempotency key made of the schedule and the due time, and then
the row is completed. Whoever dies in between leaves a row without a job; it is picked up later, and
the key makes sure that the job exists once however often it is submitted.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from labstudio.errors import Conflict, NotFound, StudioError, Unavailable
from labstudio.jobs.models import ACTIVE_STATES, CreateJob, Job, ListJobs
from labstudio.schedules.models import FireOutcome, OverlapPolicy

if TYPE_CHECKING:
    from sqlalchemy.engine import Row

    from labstudio._studio import Studio
    from labstudio.schedules.store import ScheduleStore

LOG = logging.getLogger(__name__)

DUE_VARIABLE = "LABSTUDIO_DUE_AT"
DUE_TAG = "labstudio.due_at"

# A claim this old without a job was left by somebody who died, or by a database that was away.
CLAIM_PATIENCE = timedelta(seconds=30)


def submit(studio: Studio, schedule: Row[Any], due_at: datetime, *, manual: bool = False) -> Job:
    """Submit a schedule's job for a due time; submitting it again gives the first job back."""
    kind = "manual" if manual else "schedule"
    key = f"{kind}:{schedule.id}:{due_at.astimezone(UTC).isoformat()}"
    spec = CreateJob.model_validate({**schedule.spec, "idempotency_key": key})
    spec.name = spec.name or schedule.name
    # What the run is for, which matters when it starts late: for its code, and for who looks.
    due = due_at.astimezone(UTC).isoformat()
    spec.env = {DUE_VARIABLE: due, **spec.env}
    spec.tags = {DUE_TAG: due, **spec.tags}
    root = Path(schedule.root) if schedule.root else None
    return studio.jobs.create(spec, user=schedule.user, root=root, schedule_id=schedule.id)


def fire_manually(studio: Studio, store: ScheduleStore, schedule_id: str) -> Job:
    """Run a schedule now."""
    schedule = store.get(schedule_id)
    now = datetime.now(UTC)
    store.claim_manually(schedule_id, now)
    try:
        job = submit(studio, schedule, now, manual=True)
    except StudioError as error:
        fail(store, schedule_id, now, error.message, manual=True)
        raise
    store.settle(schedule_id, now, FireOutcome.submitted, job_id=job.id, manual=True)
    return job


def fire(
    studio: Studio,
    store: ScheduleStore,
    schedule: Row[Any],
    due_at: datetime,
    now: datetime,
    *,
    caught_up: bool = False,
) -> None:
    """Fire a due time, unless somebody else did; what goes wrong is recorded, not raised.

    Parameters
    ----------
    studio, store, schedule, due_at, now
        What is to be fired, and when that is.
    caught_up
        It is one of several missed runs that are all wanted: the overlap policy, which would leave
        but one of them, does not apply.
    """
    if not store.claim(schedule.id, due_at, now):
        return
    active = [] if caught_up else still_active(studio, schedule.id)
    if active and schedule.overlap == OverlapPolicy.skip:
        reason = f"The run before it has not ended (job {active[0].id})."
        store.settle(schedule.id, due_at, FireOutcome.skipped_overlap, reason=reason)
        return
    if schedule.overlap == OverlapPolicy.stop_previous:
        stop(studio, active)
    complete(studio, store, schedule, due_at)


def complete(
    studio: Studio,
    store: ScheduleStore,
    schedule: Row[Any],
    due_at: datetime,
    *,
    manual: bool = False,
) -> None:
    """Submit the job of a due time that was claimed, and record it."""
    try:
        job = submit(studio, schedule, due_at, manual=manual)
    except (Unavailable, SQLAlchemyError):
        # Disk full, database away: not the schedule's fault. The claim is picked up later.
        LOG.exception("Schedule %s could not submit a job; it will be tried again.", schedule.id)
    except StudioError as error:
        fail(store, schedule.id, due_at, error.message, manual=manual)
    except Exception as error:
        # Whatever one schedule runs into must not keep the others from firing.
        LOG.exception("Schedule %s failed to submit a job.", schedule.id)
        fail(store, schedule.id, due_at, f"{type(error).__name__}: {error}", manual=manual)
    else:
        store.settle(schedule.id, due_at, FireOutcome.submitted, job_id=job.id, manual=manual)


def fail(
    store: ScheduleStore, schedule_id: str, due_at: datetime, reason: str, *, manual: bool
) -> None:
    """Record that a due time's job could not be submitted."""
    store.settle(schedule_id, due_at, FireOutcome.failed, reason=reason, manual=manual)


def pick_up(studio: Studio, store: ScheduleStore, now: datetime) -> None:
    """Complete what was claimed and never completed."""
    for claim in store.unsettled(now - CLAIM_PATIENCE):
        try:
            schedule = store.get(claim.schedule_id)
        except NotFound:
            continue
        complete(studio, store, schedule, claim.due_at, manual=claim.manual)


def still_active(studio: Studio, schedule_id: str) -> list[Job]:
    """Return the schedule's jobs that have not ended, newest first."""
    query = ListJobs(schedule_id=schedule_id, state=sorted(ACTIVE_STATES), limit=1000)
    return studio.jobs.list(query).items


def stop(studio: Studio, active: list[Job]) -> None:
    """Ask jobs to stop; one that has just ended is fine too."""
    for job in active:
        try:
            studio.jobs.stop(job.id)
        except (Conflict, NotFound):
            continue
