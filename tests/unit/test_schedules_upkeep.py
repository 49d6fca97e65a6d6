"""What the scheduler does for a long life: it logs seldom, and old history goes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labstudio._studio import Studio
from labstudio.database.tables import schedules
from labstudio.jobs.models import CreateJob
from labstudio.schedules.loop import QUIET, Scheduler
from labstudio.schedules.models import CreateSchedule, FireOutcome

T0 = datetime(2030, 1, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def two(studio: Studio, write_notebook: Callable[..., Path]) -> list[str]:
    """Two schedules of each minute; the zone of the first is no longer known here."""
    notebook = write_notebook("print(1)", name="report.ipynb")
    made = [
        studio.schedules.create(CreateSchedule(job=CreateJob(path=str(notebook)), cron="* * * * *"))
        for _ in range(2)
    ]
    with studio.database.begin() as connection:
        connection.execute(schedules.update().values(created_at=T0, last_due_at=T0))
        first = schedules.c.id == made[0].id
        connection.execute(schedules.update().where(first).values(timezone="Mars/Phobos"))
    return [each.id for each in made]


def test_one_that_cannot_be_read_is_told_of_seldom_and_hinders_no_other(
    studio: Studio, two: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    scheduler = Scheduler(studio)
    with caplog.at_level(logging.ERROR):
        for second in range(90):
            scheduler.tick(T0 + timedelta(seconds=second))
    (told,) = [each for each in caplog.records if two[0] in each.getMessage()]
    assert "Mars/Phobos" in told.getMessage()
    assert told.exc_info is None
    assert [each.outcome for each in studio.schedules.history(two[1]).items] == [
        FireOutcome.submitted
    ]
    with caplog.at_level(logging.ERROR):
        scheduler.tick(T0 + QUIET)
    assert len([each for each in caplog.records if two[0] in each.getMessage()]) == 2


def test_an_error_that_nobody_foresaw_hinders_no_other(
    studio: Studio,
    two: list[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(cron: str, timezone: str) -> object:
        if timezone == "Mars/Phobos":
            raise AssertionError("a line that breaks the parser")
        return parse(cron, timezone)

    from labstudio.schedules.cron import parse

    monkeypatch.setattr("labstudio.schedules.loop.parse", broken)
    with caplog.at_level(logging.ERROR):
        Scheduler(studio).tick(T0 + MINUTE)
    assert len(studio.schedules.history(two[1]).items) == 1
    (told,) = [each for each in caplog.records if two[0] in each.getMessage()]
    assert told.exc_info is not None


def test_old_history_goes(studio: Studio, two: list[str]) -> None:
    store = studio.schedules.store
    for days in (400, 10):
        assert store.claim(two[1], T0 - timedelta(days=days), T0 - timedelta(days=days))
    assert store.sweep(timedelta(days=365), T0) == 1
    assert len(studio.schedules.history(two[1]).items) == 1
