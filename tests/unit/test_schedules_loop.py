"""Due times: each is fired once, by the rules for missed and overlapping runs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from labstudio._studio import Studio
from labstudio.database.tables import fires, jobs, schedules
from labstudio.jobs.models import CreateJob, JobState, ListJobs
from labstudio.jobs.snapshot import blob_path
from labstudio.schedules.loop import CATCH_UP_LIMIT, Scheduler
from labstudio.schedules.models import (
    CreateSchedule,
    Fire,
    FireOutcome,
    MissedPolicy,
    OverlapPolicy,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labstudio.home import Home

T0 = datetime(2030, 1, 1, 12, 0, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def notebook(write_notebook: Callable[..., Path]) -> Path:
    return write_notebook("print(1)", name="report.ipynb")


def add(
    studio: Studio,
    notebook: Path,
    cron: str = "* * * * *",
    missed: MissedPolicy = MissedPolicy.last,
    overlap: OverlapPolicy = OverlapPolicy.allow,
) -> str:
    """Add a schedule as if it had been made at T0."""
    spec = CreateSchedule(
        job=CreateJob(path=str(notebook)), cron=cron, missed=missed, overlap=overlap
    )
    made = studio.schedules.create(spec, user="ada")
    with studio.database.begin() as connection:
        connection.execute(schedules.update().values(created_at=T0, last_due_at=T0))
    return made.id


def history(studio: Studio, schedule_id: str) -> list[Fire]:
    """The history, oldest first."""
    return studio.schedules.history(schedule_id, limit=1000).items[::-1]


def outcomes(studio: Studio, schedule_id: str) -> list[str]:
    return [fire.outcome.value for fire in history(studio, schedule_id)]


def submitted(studio: Studio) -> int:
    return len(studio.jobs.list(ListJobs(limit=1000)).items)


def finish_all(studio: Studio) -> None:
    with studio.database.begin() as connection:
        connection.execute(jobs.update().values(state=JobState.succeeded.value, ended_at=T0))


def test_a_due_time_fires_once_however_often_one_looks(studio: Studio, notebook: Path) -> None:
    schedule_id = add(studio, notebook)
    scheduler = Scheduler(studio)
    scheduler.tick(T0)
    assert submitted(studio) == 0
    for seconds in range(25, 95):
        scheduler.tick(T0 + timedelta(seconds=seconds))
    fired = history(studio, schedule_id)
    assert [fire.due_at for fire in fired] == [T0.replace(minute=n, second=0) for n in (1, 2)]
    assert submitted(studio) == 2
    job = studio.jobs.detail(fired[0].job_id or "")
    assert (job.schedule_id, job.user, job.name) == (schedule_id, "ada", "report.ipynb")
    given = studio.jobs.store.detail(job.id).spec.env
    assert given["LABSTUDIO_DUE_AT"] == "2030-01-01T12:01:00+00:00"
    assert studio.schedules.get(schedule_id).last_job_id == fired[1].job_id


def test_a_restart_fires_nothing_again(studio: Studio, notebook: Path) -> None:
    schedule_id = add(studio, notebook)
    for seconds in (31, 31, 32, 91, 91):
        Scheduler(Studio(studio.home.path)).tick(T0 + timedelta(seconds=seconds))
    assert outcomes(studio, schedule_id) == ["submitted", "submitted"]


def test_several_daemons_fire_once(studio: Studio, notebook: Path) -> None:
    ids = [add(studio, notebook) for _ in range(3)]
    daemons = [Scheduler(Studio(studio.home.path, tracking=False)) for _ in range(4)]
    with ThreadPoolExecutor(len(daemons)) as pool:
        for minute in range(1, 4):
            list(pool.map(lambda each, at=T0 + minute * MINUTE: each.tick(at), daemons))
    for schedule_id in ids:
        assert outcomes(studio, schedule_id) == ["submitted"] * 3
    assert submitted(studio) == 9


@pytest.mark.postgres
def test_several_daemons_on_postgres_fire_once(
    home: Home, notebook: Path, postgres_url: str
) -> None:
    shared = [Studio(home.path, database_url=postgres_url, tracking=False) for _ in range(4)]
    schedule_id = add(shared[0], notebook)
    daemons = [Scheduler(each) for each in shared]
    with ThreadPoolExecutor(len(daemons)) as pool:
        for minute in range(1, 6):
            list(pool.map(lambda each, at=T0 + minute * MINUTE: each.tick(at), daemons))
    assert outcomes(shared[0], schedule_id) == ["submitted"] * 5
    assert submitted(shared[0]) == 5
    for each in shared:
        each.close()


def test_the_notebook_of_today_runs(
    studio: Studio, notebook: Path, write_notebook: Callable[..., Path]
) -> None:
    schedule_id = add(studio, notebook)
    scheduler = Scheduler(studio)
    scheduler.tick(T0 + MINUTE)
    write_notebook("print('changed')", name="report.ipynb")
    scheduler.tick(T0 + 2 * MINUTE)
    codes = []
    for fire in history(studio, schedule_id):
        snapshot = studio.jobs.detail(fire.job_id or "").snapshot
        assert snapshot
        content = json.loads(blob_path(studio.home, snapshot.files[0].sha256).read_bytes())
        codes.append("".join(content["cells"][0]["source"]))
    assert codes == ["print(1)", "print('changed')"]


def test_a_notebook_that_is_gone_is_on_record_and_others_fire(
    studio: Studio, notebook: Path, write_notebook: Callable[..., Path]
) -> None:
    other = write_notebook("print(2)", name="other.ipynb")
    broken, fine = add(studio, notebook), add(studio, other)
    notebook.unlink()
    scheduler = Scheduler(studio)
    scheduler.tick(T0 + MINUTE)
    notebook.write_text("{ not json")
    scheduler.tick(T0 + 2 * MINUTE)
    write_notebook("print(3)", name="report.ipynb")
    scheduler.tick(T0 + 3 * MINUTE)
    assert outcomes(studio, broken) == ["failed", "failed", "submitted"]
    reasons = [fire.reason or "" for fire in history(studio, broken)[:2]]
    assert "does not exist" in reasons[0]
    assert "Traceback" not in "".join(reasons)
    assert outcomes(studio, fine) == ["submitted"] * 3


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (MissedPolicy.catch_up, ["submitted"] * 5),
        (MissedPolicy.last, ["skipped_missed"] * 4 + ["submitted"]),
        (MissedPolicy.skip, ["skipped_missed"] * 5),
    ],
)
def test_missed_runs(
    studio: Studio, notebook: Path, missed: MissedPolicy, expected: list[str]
) -> None:
    schedule_id = add(studio, notebook, cron="0 * * * *", missed=missed)
    scheduler = Scheduler(studio)
    # 13:00 to 17:00 were missed; it is 17:30.
    scheduler.tick(T0 + 5.5 * HOUR)
    assert outcomes(studio, schedule_id) == expected
    # Later ones are on time again, and the missed ones stay dealt with.
    scheduler.tick(T0.replace(hour=18, second=1))
    assert outcomes(studio, schedule_id) == [*expected, "submitted"]


def test_last_gives_way_to_a_run_that_is_on_time(studio: Studio, notebook: Path) -> None:
    schedule_id = add(studio, notebook, cron="0 * * * *", missed=MissedPolicy.last)
    Scheduler(studio).tick(T0.replace(hour=15, second=20))
    assert outcomes(studio, schedule_id) == ["skipped_missed"] * 2 + ["submitted"]


def test_a_short_delay_is_not_a_miss(studio: Studio, notebook: Path) -> None:
    schedule_id = add(studio, notebook, cron="0 * * * *", missed=MissedPolicy.skip)
    Scheduler(studio).tick(T0.replace(hour=13, second=59))
    assert outcomes(studio, schedule_id) == ["submitted"]


@pytest.mark.parametrize("missed", list(MissedPolicy))
def test_a_year_of_misses_is_bounded(studio: Studio, notebook: Path, missed: MissedPolicy) -> None:
    schedule_id = add(studio, notebook, missed=missed)
    Scheduler(studio).tick(T0 + timedelta(days=365, seconds=-25))
    fired = history(studio, schedule_id)
    assert len(fired) == CATCH_UP_LIMIT + 1
    assert "nor at earlier ones" in (fired[0].reason or "")
    wanted = {MissedPolicy.catch_up: CATCH_UP_LIMIT, MissedPolicy.last: 1, MissedPolicy.skip: 1}
    # 12:00 is on time, five seconds late.
    assert submitted(studio) == wanted[missed]


def test_overlap_skip(studio: Studio, notebook: Path) -> None:
    schedule_id = add(studio, notebook, overlap=OverlapPolicy.skip)
    scheduler = Scheduler(studio)
    scheduler.tick(T0 + MINUTE)
    scheduler.tick(T0 + 2 * MINUTE)
    finish_all(studio)
    scheduler.tick(T0 + 3 * MINUTE)
    assert outcomes(studio, schedule_id) == ["submitted", "skipped_overlap", "submitted"]
    first, second, _ = history(studio, schedule_id)
    assert first.job_id
    assert first.job_id in (second.reason or "")


def test_overlap_stop_previous(studio: Studio, notebook: Path) -> None:
    schedule_id = add(studio, notebook, overlap=OverlapPolicy.stop_previous)
    scheduler = Scheduler(studio)
    scheduler.tick(T0 + MINUTE)
    scheduler.tick(T0 + 2 * MINUTE)
    first, second = history(studio, schedule_id)
    assert studio.jobs.get(first.job_id or "").state is JobState.stopped
    assert studio.jobs.get(second.job_id or "").state is JobState.queued


def test_overlap_does_not_hinder_catching_up(studio: Studio, notebook: Path) -> None:
    schedule_id = add(
        studio,
        notebook,
        cron="0 * * * *",
        missed=MissedPolicy.catch_up,
        overlap=OverlapPolicy.skip,
    )
    Scheduler(studio).tick(T0 + 3.5 * HOUR)
    assert outcomes(studio, schedule_id) == ["submitted"] * 3


def test_a_paused_schedule_rests_and_does_not_make_up(studio: Studio, notebook: Path) -> None:
    schedule_id = add(studio, notebook, missed=MissedPolicy.catch_up)
    scheduler = Scheduler(studio)
    studio.schedules.pause(schedule_id)
    scheduler.tick(T0 + 10 * MINUTE)
    assert outcomes(studio, schedule_id) == []
    resumed = datetime.now(UTC)
    studio.schedules.resume(schedule_id)
    scheduler.tick(resumed + timedelta(seconds=1) + MINUTE)
    assert len(outcomes(studio, schedule_id)) <= 2


def test_a_changed_cron_line_is_noticed(studio: Studio, notebook: Path) -> None:
    from labstudio.schedules.models import UpdateSchedule

    schedule_id = add(studio, notebook, cron="0 0 1 1 *")
    scheduler = Scheduler(studio)
    scheduler.tick(T0 + MINUTE)
    studio.schedules.update(schedule_id, UpdateSchedule(cron="* * * * *"))
    with studio.database.begin() as connection:
        connection.execute(schedules.update().values(last_due_at=T0 + MINUTE))
    scheduler.tick(T0 + 2 * MINUTE)
    assert outcomes(studio, schedule_id) == ["submitted"]


def test_a_clock_that_goes_back_fires_nothing_twice(studio: Studio, notebook: Path) -> None:
    schedule_id = add(studio, notebook)
    scheduler = Scheduler(studio)
    for minute in range(1, 11):
        scheduler.tick(T0 + minute * MINUTE)
    assert len(outcomes(studio, schedule_id)) == 10
    # Back to the fifth minute, and on from there with a daemon of its own for half of the time.
    for minute in range(5, 14):
        scheduler = Scheduler(studio) if minute % 2 else scheduler
        scheduler.tick(T0 + minute * MINUTE)
    fired = history(studio, schedule_id)
    assert [fire.due_at.minute for fire in fired] == list(range(1, 14))
    assert {fire.outcome for fire in fired} == {FireOutcome.submitted}
    assert submitted(studio) == 13


def test_a_clock_that_was_years_ahead_does_not_silence_a_schedule(
    studio: Studio, notebook: Path
) -> None:
    schedule_id = add(studio, notebook)
    with studio.database.begin() as connection:
        connection.execute(schedules.update().values(last_due_at=T0 + timedelta(days=3650)))
    scheduler = Scheduler(studio)
    scheduler.tick(T0)
    scheduler.tick(T0 + MINUTE)
    assert outcomes(studio, schedule_id) == ["submitted"]


@pytest.mark.parametrize("job_made", [False, True])
def test_a_daemon_killed_while_firing_leaves_nothing_undone(
    studio: Studio, notebook: Path, *, job_made: bool
) -> None:
    schedule_id = add(studio, notebook)
    due_at = T0.replace(minute=1, second=0)
    store = studio.schedules.store
    assert store.claim(schedule_id, due_at, T0 + MINUTE)
    if job_made:
        from labstudio.schedules.firing import submit

        submit(studio, store.get(schedule_id), due_at)
    # Here the daemon died. The next one leaves the claim alone while it may be somebody's still.
    scheduler = Scheduler(studio)
    scheduler.tick(T0 + MINUTE + timedelta(seconds=5))
    assert [fire.job_id for fire in history(studio, schedule_id)] == [None]
    scheduler.tick(T0 + MINUTE + timedelta(seconds=25))
    scheduler.tick(T0 + MINUTE + timedelta(seconds=50))
    fired = [fire for fire in history(studio, schedule_id) if fire.due_at == due_at]
    assert [fire.outcome for fire in fired] == [FireOutcome.submitted]
    assert fired[0].job_id
    with studio.database.read() as connection:
        count = connection.scalar(sa.select(sa.func.count()).select_from(fires))
    assert submitted(studio) == count


def test_a_schedule_deleted_or_paused_in_the_same_moment_does_not_fire(
    studio: Studio, notebook: Path
) -> None:
    paused, deleted = add(studio, notebook), add(studio, notebook)
    store = studio.schedules.store
    studio.schedules.pause(paused)
    studio.schedules.delete(deleted)
    for schedule_id in (paused, deleted):
        assert not store.claim(schedule_id, T0, T0)
    with studio.database.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(fires)) == 0
