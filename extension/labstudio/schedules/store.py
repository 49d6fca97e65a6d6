"""Schedules and their history in the database."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from labstudio import changes
from labstudio.database.tables import fires, schedules
from labstudio.errors import InvalidInput, NotFound
from labstudio.schedules.models import Fire, FireOutcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.engine import Connection, Row

    from labstudio.database.engine import Database


class ScheduleStore:
    """Reads and writes rows; every write is one transaction with its entry in the change feed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, values: dict[str, Any]) -> None:
        """Add a schedule."""
        with self._database.begin() as connection:
            connection.execute(schedules.insert().values(**values))
            changes.record(connection, "schedules", values["id"], "created")

    def all(self, user: str | None = None) -> Sequence[Row[Any]]:
        """Return the schedules, of one user or of all, newest first."""
        query = sa.select(schedules).order_by(schedules.c.id.desc())
        if user is not None:
            query = query.where(schedules.c.user == user)
        with self._database.read() as connection:
            return connection.execute(query).all()

    def active(self) -> Sequence[Row[Any]]:
        """Return the schedules that are not paused."""
        with self._database.read() as connection:
            return connection.execute(sa.select(schedules).where(~schedules.c.paused)).all()

    def get(self, schedule_id: str) -> Row[Any]:
        """Return a schedule.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        row = self._database.find(schedules, schedule_id)
        if row is None:
            raise NotFound(f"There is no schedule {schedule_id}.", schedule_id=schedule_id)
        return row

    def update(self, schedule_id: str, **values: Any) -> None:
        """Change a schedule.

        Raises
        ------
        NotFound
            When it has been deleted.
        """
        with self._database.begin() as connection:
            if not update(connection, schedule_id, **values):
                raise NotFound(f"There is no schedule {schedule_id}.", schedule_id=schedule_id)

    def delete(self, schedule_id: str) -> None:
        """Delete a schedule and its history.

        Raises
        ------
        NotFound
            When there is none of that id.
        """
        with self._database.begin() as connection:
            gone = connection.execute(schedules.delete().where(schedules.c.id == schedule_id))
            if not gone.rowcount:
                raise NotFound(f"There is no schedule {schedule_id}.", schedule_id=schedule_id)
            connection.execute(fires.delete().where(fires.c.schedule_id == schedule_id))
            changes.record(connection, "schedules", schedule_id, "deleted")

    def claim(
        self,
        schedule_id: str,
        due_at: datetime,
        now: datetime,
        *,
        skipped: FireOutcome | None = None,
        reason: str | None = None,
    ) -> bool:
        """Take a due time, so that nobody else fires it; tell whether that worked.

        It does not when somebody else took it (the primary key decides between daemons), or when
        the schedule was paused or deleted meanwhile.

        Parameters
        ----------
        schedule_id, due_at, now
            Which due time, and when that is.
        skipped, reason
            What becomes of it if it is not to be fired at all, and why.
        """
        outcome = skipped or FireOutcome.submitted
        try:
            with self._database.begin() as connection:
                advance(connection, schedule_id, due_at)
                live = sa.select(schedules.c.id).where(
                    schedules.c.id == schedule_id, ~schedules.c.paused
                )
                if connection.execute(live).one_or_none() is None:
                    return False
                connection.execute(fire_row(schedule_id, due_at, now, outcome, reason))
                if skipped:
                    update(connection, schedule_id)
        except IntegrityError:
            # It was dealt with before, though the schedule did not say so: the clock went back.
            with self._database.begin() as connection:
                advance(connection, schedule_id, due_at)
            return False
        return True

    def claim_manually(self, schedule_id: str, now: datetime) -> None:
        """Take this moment as the due time of a run that a person asked for."""
        with self._database.begin() as connection:
            connection.execute(
                fire_row(schedule_id, now, now, FireOutcome.submitted, None, manual=True)
            )

    def settle(
        self,
        schedule_id: str,
        due_at: datetime,
        outcome: FireOutcome,
        *,
        job_id: str | None = None,
        reason: str | None = None,
        manual: bool = False,
    ) -> None:
        """Say what became of a due time that was claimed."""
        mine = (
            (fires.c.schedule_id == schedule_id)
            & (fires.c.due_at == due_at)
            & (fires.c.manual == manual)
        )
        with self._database.begin() as connection:
            connection.execute(
                fires.update()
                .where(mine)
                .values(outcome=outcome.value, job_id=job_id, reason=reason)
            )
            update(connection, schedule_id, **({"last_job_id": job_id} if job_id else {}))

    def rewind(self, schedule_id: str, now: datetime) -> None:
        """Forget how far a schedule is, because the clock was set back to `now`."""
        with self._database.begin() as connection:
            connection.execute(
                schedules.update().where(schedules.c.id == schedule_id).values(last_due_at=now)
            )

    def unsettled(self, before: datetime) -> Sequence[Row[Any]]:
        """Return the due times claimed before a moment whose submission was never recorded."""
        query = sa.select(fires).where(
            fires.c.outcome == FireOutcome.submitted.value,
            fires.c.job_id.is_(None),
            fires.c.fired_at < before,
        )
        with self._database.read() as connection:
            return connection.execute(query).all()

    def history(
        self, schedule_id: str, limit: int, cursor: str | None
    ) -> tuple[list[Fire], str | None]:
        """Return a page of what became of due times, newest first, and where the next begins."""
        query = (
            sa.select(fires)
            .where(fires.c.schedule_id == schedule_id)
            .order_by(fires.c.due_at.desc(), fires.c.manual.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            due_at, manual = read_cursor(cursor)
            earlier = fires.c.due_at < due_at
            if manual:
                earlier |= (fires.c.due_at == due_at) & ~fires.c.manual
            query = query.where(earlier)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        page = [Fire.model_validate(dict(row._mapping)) for row in rows[:limit]]
        return page, write_cursor(page[-1]) if len(rows) > limit else None

    def sweep(self, older_than: timedelta, now: datetime) -> int:
        """Forget old history; return how many entries."""
        with self._database.begin() as connection:
            gone = connection.execute(fires.delete().where(fires.c.fired_at < now - older_than))
        return gone.rowcount


def fire_row(
    schedule_id: str,
    due_at: datetime,
    now: datetime,
    outcome: FireOutcome,
    reason: str | None,
    *,
    manual: bool = False,
) -> sa.Insert:
    """Return the statement that adds an entry to the history."""
    return fires.insert().values(
        schedule_id=schedule_id,
        due_at=due_at,
        manual=manual,
        fired_at=now,
        outcome=outcome.value,
        reason=reason,
    )


def update(connection: Connection, schedule_id: str, **values: Any) -> bool:
    """Change a schedule within a transaction; tell whether it exists."""
    changed = connection.execute(
        schedules.update()
        .where(schedules.c.id == schedule_id)
        .values(**values, revision=schedules.c.revision + 1)
    )
    if changed.rowcount:
        changes.record(connection, "schedules", schedule_id, "changed")
    return bool(changed.rowcount)


def advance(connection: Connection, schedule_id: str, due_at: datetime) -> None:
    """Record that a schedule is dealt with up to `due_at`; never backwards."""
    connection.execute(
        schedules.update()
        .where(
            schedules.c.id == schedule_id,
            sa.or_(schedules.c.last_due_at.is_(None), schedules.c.last_due_at < due_at),
        )
        .values(last_due_at=due_at)
    )


def write_cursor(fire: Fire) -> str:
    """Return where a page ended."""
    text = json.dumps([fire.due_at.isoformat(), fire.manual])
    return base64.urlsafe_b64encode(text.encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, bool]:
    """Return the due time that a cursor stands for, and whether its run was a manual one.

    Raises
    ------
    InvalidInput
        When no page gave it.
    """
    try:
        text, manual = json.loads(base64.urlsafe_b64decode(cursor.encode()))
        due_at = datetime.fromisoformat(text).astimezone(UTC)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidInput("cursor is not one that a page gave.", field="cursor") from error
    return due_at, bool(manual)
