"""Starts the runs of schedules when they fall due; the daemon calls it."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from labstudio.errors import StudioError
from labstudio.schedules.cron import CronLine, parse
from labstudio.schedules.firing import CLAIM_PATIENCE, fire, pick_up
from labstudio.schedules.models import FireOutcome, MissedPolicy

if TYPE_CHECKING:
    from sqlalchemy.engine import Row

    from labstudio._studio import Studio
    from labstudio.schedules.store import ScheduleStore

LOG = logging.getLogger(__name__)

# A run that starts later than this was missed: no daemon was there.
GRACE = timedelta(seconds=60)

# The most missed runs of one schedule that are caught up, or listed as skipped; older ones are not.
CATCH_UP_LIMIT = 100

# How long nothing more is said of a schedule that cannot be dealt with.
QUIET = timedelta(minutes=10)

# Clocks of several machines differ a little, and a clock may be corrected by a little.
CLOCK_PATIENCE = timedelta(seconds=60)

MISSED = "No daemon was there at that time (policy {})."
MANY_MISSED = (
    "No daemon was there at that time, nor at earlier ones; "
    f"no more than {CATCH_UP_LIMIT} missed runs are dealt with."
)


@dataclass(frozen=True)
class Plan:
    """What is to be done about the due times of one schedule."""

    fire: list[datetime]
    catch_up: list[datetime]
    skip: list[tuple[datetime, str]]


class Scheduler:
    """Fires due schedules, each due time once, however many daemons share the database.

    Parameters
    ----------
    studio
        Whose schedules.
    grace
        How late a run may start before it counts as missed.
    """

    def __init__(self, studio: Studio, grace: timedelta = GRACE) -> None:
        self._studio = studio
        self._grace = grace
        self._next: dict[str, tuple[int, datetime]] = {}
        self._picked_up: datetime | None = None
        self._complained: dict[str, datetime] = {}

    @property
    def _store(self) -> ScheduleStore:
        return self._studio.schedules.store

    def tick(self, now: datetime) -> None:
        """Do all that is due at `now`; called about each second.

        Nothing that one schedule runs into keeps another from firing. When the clock was set back,
        due times that fired already are not fired again.
        """
        schedules = self._store.active()
        self._next = {row.id: self._next[row.id] for row in schedules if row.id in self._next}
        for schedule in schedules:
            try:
                self._tick_one(schedule, now)
            except Exception as error:
                self._complain(schedule.id, error, now)
        if self._picked_up is None or abs(now - self._picked_up) >= CLAIM_PATIENCE / 2:
            self._picked_up = now
            pick_up(self._studio, self._store, now)

    def _complain(self, schedule_id: str, error: Exception, now: datetime) -> None:
        """Log what a schedule runs into; what stays so would otherwise be told each second."""
        last = self._complained.get(schedule_id)
        if last is None or abs(now - last) >= QUIET:
            self._complained[schedule_id] = now
            foreseen = isinstance(error, (StudioError, SQLAlchemyError))
            LOG.error(
                "Schedule %s could not be dealt with: %s",
                schedule_id,
                error,
                exc_info=None if foreseen else error,
            )

    def _tick_one(self, schedule: Row[Any], now: datetime) -> None:
        done_until = schedule.last_due_at or schedule.created_at
        if done_until > now + CLOCK_PATIENCE:
            LOG.warning("Schedule %s is ahead of the clock, which was set back.", schedule.id)
            # What fired stays in the history, so nothing of it fires again.
            self._store.rewind(schedule.id, now)
            self._next.pop(schedule.id, None)
            done_until = now
        revision, upcoming = self._next.get(schedule.id, (None, now))
        if revision == schedule.revision and now < upcoming:
            return
        line = parse(schedule.cron, schedule.timezone)
        due = line.due_between(min(done_until, now), now, CATCH_UP_LIMIT + 1)
        if due:
            self._carry_out(schedule, plan(due, now, self._grace, schedule.missed), now)
        self._remember(schedule, line, now)

    def _remember(self, schedule: Row[Any], line: CronLine, now: datetime) -> None:
        """Keep the next due time, so that most ticks need no look at the cron line."""
        upcoming = line.next_runs(1, now)
        if upcoming:
            self._next[schedule.id] = (schedule.revision, upcoming[0])

    def _carry_out(self, schedule: Row[Any], planned: Plan, now: datetime) -> None:
        for due_at, reason in planned.skip:
            self._store.claim(
                schedule.id, due_at, now, skipped=FireOutcome.skipped_missed, reason=reason
            )
        for due_at in planned.catch_up:
            fire(self._studio, self._store, schedule, due_at, now, caught_up=True)
        for due_at in planned.fire:
            fire(self._studio, self._store, schedule, due_at, now)


def plan(due: list[datetime], now: datetime, grace: timedelta, missed: str) -> Plan:
    """Decide which due times are fired and which are skipped.

    Parameters
    ----------
    due
        Due times not dealt with, oldest first. More than `CATCH_UP_LIMIT` of them mean that there
        were earlier ones still: the oldest then stands for all of those, and is skipped.
    now
        The time.
    grace
        What is not older than this is on time, and fires whatever the policy.
    missed
        ``catch_up`` fires all missed ones, ``skip`` none, ``last`` the newest, and that only
        when nothing is due on time.
    """
    late = [due_at for due_at in due if due_at < now - grace]
    on_time = [due_at for due_at in due if due_at >= now - grace]
    dropped = []
    if len(due) > CATCH_UP_LIMIT and late:
        dropped = [(late.pop(0), MANY_MISSED)]
    if missed == MissedPolicy.catch_up:
        return Plan(on_time, late, dropped)
    last = late.pop() if missed == MissedPolicy.last and late and not on_time else None
    skipped = [(due_at, MISSED.format(missed)) for due_at in late]
    return Plan([last] if last else on_time, [], dropped + skipped)
