"""Schedules as they are kept: accepted, refused, changed, paused, and told about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from labstudio.errors import InvalidInput, NotFound, StudioError
from labstudio.jobs.models import CreateJob, JobKind, JobState
from labstudio.schedules.models import (
    CreateSchedule,
    FireOutcome,
    PreviewSchedule,
    UpdateSchedule,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labstudio._studio import Studio


@pytest.fixture
def notebook(write_notebook: Callable[..., Path], tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return write_notebook("print(1)", name="work/report.ipynb")


def spec(path: Path | str, cron: str = "0 6 * * *", **fields: object) -> CreateSchedule:
    return CreateSchedule(job=CreateJob(path=str(path)), cron=cron, **fields)


def test_a_schedule_says_when_and_what(studio: Studio, notebook: Path) -> None:
    made = studio.schedules.create(spec(notebook, timezone="Europe/Berlin"), user="ada")
    assert (made.name, made.user, made.words) == ("report.ipynb", "ada", "At 06:00 every day")
    assert len(made.next_runs) == 5
    assert all(run.hour == 6 for run in made.next_runs)
    assert made.next_runs[0] > datetime.now(UTC)
    assert made.next_runs[0].utcoffset() in (timedelta(hours=1), timedelta(hours=2))
    assert studio.schedules.get(made.id) == made
    changes = studio.changes.since(0)
    assert [(each.topic, each.object_id, each.kind) for each in changes] == [
        ("schedules", made.id, "created")
    ]


def test_schedules_are_listed_by_user(studio: Studio, notebook: Path) -> None:
    mine = studio.schedules.create(spec(notebook), user="ada")
    other = studio.schedules.create(spec(notebook), user="bob")
    assert [each.id for each in studio.schedules.list().items] == [other.id, mine.id]
    assert [each.id for each in studio.schedules.list("ada").items] == [mine.id]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"cron": "0 0 30 2 *"}, "cron"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"job": CreateJob(path="gone.ipynb")}, "job.path"),
        ({"job": CreateJob()}, "job.path"),
        ({"job": CreateJob(kind=JobKind.cell, code=" ")}, "job.code"),
        ({"job": CreateJob(kind=JobKind.function, code="f()")}, "job.kind"),
        ({"job": CreateJob(path="x.ipynb", idempotency_key="k")}, "job.idempotency_key"),
    ],
)
def test_what_cannot_be_scheduled_is_refused_whole(
    studio: Studio, notebook: Path, fields: dict[str, object], field: str
) -> None:
    given = {"job": CreateJob(path=str(notebook)), "cron": "0 6 * * *", **fields}
    with pytest.raises(StudioError) as caught:
        studio.schedules.create(CreateSchedule.model_validate(given))
    assert caught.value.status in (400, 404)
    assert caught.value.details["field"] == field
    assert studio.schedules.list().items == []


@pytest.mark.parametrize("path", ["../secret.ipynb", "link.ipynb"])
def test_a_path_must_not_leave_the_root(studio: Studio, notebook: Path, path: str) -> None:
    secret = notebook.parent.parent / "secret.ipynb"
    secret.write_bytes(notebook.read_bytes())
    (notebook.parent / "link.ipynb").symlink_to(secret)
    with pytest.raises(InvalidInput, match="leaves"):
        studio.schedules.create(spec(path), root=notebook.parent)
    made = studio.schedules.create(spec("report.ipynb"), root=notebook.parent)
    assert made.job.path == "report.ipynb"


def test_a_relative_path_outlives_the_folder_it_was_given_in(
    studio: Studio, notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(notebook.parent)
    made = studio.schedules.create(spec("report.ipynb"))
    monkeypatch.chdir(tmp_path)
    assert studio.schedules.run(made.id).state is JobState.queued


def test_an_update_changes_what_it_names(studio: Studio, notebook: Path) -> None:
    made = studio.schedules.create(spec(notebook), user="ada")
    new = studio.schedules.update(made.id, UpdateSchedule(cron="30 7 * * *", name="Früh"))
    assert (new.name, new.cron, new.timezone, new.user) == ("Früh", "30 7 * * *", "UTC", "ada")
    assert new.revision > made.revision
    with pytest.raises(InvalidInput):
        studio.schedules.update(made.id, UpdateSchedule(timezone="nowhere", name="x"))
    with pytest.raises(NotFound):
        studio.schedules.update(made.id, UpdateSchedule(job=CreateJob(path="gone.ipynb")))
    assert studio.schedules.get(made.id) == new


def test_pause_and_resume(studio: Studio, notebook: Path) -> None:
    made = studio.schedules.create(spec(notebook))
    paused = studio.schedules.pause(made.id)
    assert paused.paused
    assert paused.next_runs == []
    resumed = studio.schedules.resume(made.id)
    assert not resumed.paused
    assert len(resumed.next_runs) == 5


def test_run_now_is_recorded(studio: Studio, notebook: Path) -> None:
    made = studio.schedules.create(spec(notebook), user="ada")
    studio.schedules.pause(made.id)
    job = studio.schedules.run(made.id)
    assert (job.user, job.schedule_id, job.name) == ("ada", made.id, "report.ipynb")
    again = studio.schedules.run(made.id)
    assert again.id != job.id
    history = studio.schedules.history(made.id).items
    assert [(fire.job_id, fire.manual, fire.outcome) for fire in history] == [
        (again.id, True, FireOutcome.submitted),
        (job.id, True, FireOutcome.submitted),
    ]
    assert studio.schedules.get(made.id).last_job_id == again.id


def test_run_now_of_a_notebook_that_is_gone(studio: Studio, notebook: Path) -> None:
    made = studio.schedules.create(spec(notebook))
    notebook.unlink()
    with pytest.raises(NotFound):
        studio.schedules.run(made.id)
    fire = studio.schedules.history(made.id).items[0]
    assert fire.outcome is FireOutcome.failed
    assert fire.reason
    assert "report.ipynb" in fire.reason


def test_history_comes_in_pages(studio: Studio, notebook: Path) -> None:
    made = studio.schedules.create(spec(notebook))
    jobs = [studio.schedules.run(made.id).id for _ in range(5)]
    seen: list[str | None] = []
    cursor = None
    for expected in (2, 2, 1):
        page = studio.schedules.history(made.id, limit=2, cursor=cursor)
        assert len(page.items) == expected
        seen += [fire.job_id for fire in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert seen == jobs[::-1]
    for bad in ("nonsense", "e30=", "ä", ""):
        with pytest.raises(InvalidInput, match="cursor"):
            studio.schedules.history(made.id, cursor=bad)
    with pytest.raises(InvalidInput, match="limit"):
        studio.schedules.history(made.id, limit=0)


def test_delete_takes_the_history_along_and_leaves_the_jobs(studio: Studio, notebook: Path) -> None:
    made = studio.schedules.create(spec(notebook))
    job = studio.schedules.run(made.id)
    studio.schedules.delete(made.id)
    assert studio.jobs.get(job.id).id == job.id
    for call in (studio.schedules.get, studio.schedules.delete, studio.schedules.history):
        with pytest.raises(NotFound):
            call(made.id)
    with pytest.raises(NotFound):
        studio.schedules.pause(made.id)


def test_preview(studio: Studio) -> None:
    told = studio.schedules.preview(PreviewSchedule(cron="*/15 9-17 * * MON-FRI"))
    assert "Monday through Friday" in told.words
    assert len(told.next_runs) == 5
    with pytest.raises(InvalidInput):
        studio.schedules.preview(PreviewSchedule(cron="0 0 30 2 *"))
