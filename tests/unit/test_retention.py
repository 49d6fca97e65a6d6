"""What is deleted by itself, and above all what is not."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from labstudio.database.tables import jobs
from labstudio.errors import NotFound
from labstudio.jobs import garbage, snapshot
from labstudio.jobs.models import CreateJob, Job, JobKind, JobState
from labstudio.jobs.retention import Swept, sweep

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labstudio._studio import Studio

DAY = timedelta(days=1)
NOW = datetime.now(UTC)


@pytest.fixture
def add(studio: Studio, write_notebook: Callable[..., Path]) -> Callable[..., Job]:
    """Submit a job, and let it be as if it had ended some days ago, with some bytes of files."""
    count = 0

    def submit(
        *, days_ago: float | None, size: int = 0, retain_until: datetime | None = None
    ) -> Job:
        nonlocal count
        count += 1
        path = write_notebook(f"print({count})", name=f"n{count}.ipynb")
        job = studio.jobs.create(CreateJob(path=str(path)))
        folder = studio.home.attempt(job.id, 1)
        folder.mkdir(parents=True)
        (folder / "log").write_bytes(b"x" * size)
        if days_ago is not None:
            with studio.database.begin() as connection:
                connection.execute(
                    jobs.update()
                    .where(jobs.c.id == job.id)
                    .values(
                        state=JobState.succeeded.value,
                        ended_at=NOW - days_ago * DAY,
                        retain_until=retain_until,
                    )
                )
        return job

    return submit


def left(studio: Studio) -> list[str]:
    return sorted(job.id for job in studio.jobs.list().items)


def age_blobs(studio: Studio, hours: float = 2) -> None:
    for path in studio.home.blobs.glob("*/*"):
        then = time.time() - hours * 3600
        os.utime(path, (then, then))


def test_without_rules_nothing_goes(studio: Studio, add: Callable[..., Job]) -> None:
    kept = [add(days_ago=1000, size=10).id, add(days_ago=None).id]
    age_blobs(studio)
    assert sweep(studio) == Swept()
    assert left(studio) == sorted(kept)


def test_a_jobs_own_time_to_live(studio: Studio, add: Callable[..., Job]) -> None:
    over = add(days_ago=1, retain_until=NOW - timedelta(seconds=1))
    still = add(days_ago=1, retain_until=NOW + DAY)
    assert sweep(studio, now=NOW).jobs == (over.id,)
    assert left(studio) == [still.id]
    assert not studio.home.job(over.id).exists()
    with pytest.raises(NotFound):
        studio.jobs.get(over.id)


def test_age_spares_the_young_and_the_unfinished(studio: Studio, add: Callable[..., Job]) -> None:
    old, young, queued = add(days_ago=8), add(days_ago=6), add(days_ago=None)
    assert sweep(studio, max_age_s=7 * 86_400, now=NOW).jobs == (old.id,)
    assert left(studio) == sorted([young.id, queued.id])


def test_size_takes_what_ended_first(studio: Studio, add: Callable[..., Job]) -> None:
    newest = add(days_ago=1, size=4000)
    oldest = add(days_ago=3, size=4000)
    middle = add(days_ago=2, size=4000)
    running = add(days_ago=None, size=4000)
    assert sweep(studio, max_bytes=16_000).jobs == ()
    assert sweep(studio, max_bytes=9000).jobs == (oldest.id, middle.id)
    assert left(studio) == sorted([newest.id, running.id])
    assert sweep(studio, max_bytes=0).jobs == (newest.id,)
    assert left(studio) == [running.id]


def test_unused_snapshots_go_and_used_ones_stay(studio: Studio, add: Callable[..., Job]) -> None:
    gone, kept = add(days_ago=8), add(days_ago=1)
    cell = studio.jobs.create(
        CreateJob(kind=JobKind.cell, code="print(n)"), payload=b"pickled names"
    )
    before = studio.jobs.detail(gone.id).snapshot
    assert before
    age_blobs(studio)
    swept = sweep(studio, max_age_s=7 * 86_400, now=NOW)
    assert (swept.jobs, swept.blobs, swept.blob_bytes) == (
        (gone.id,),
        1,
        before.files[0].size_bytes,
    )
    for job_id in (kept.id, cell.id):
        taken = studio.jobs.detail(job_id).snapshot
        assert taken
        wanted = [file.sha256 for file in taken.files] + ([taken.payload] if taken.payload else [])
        assert all(snapshot.blob_path(studio.home, sha256).is_file() for sha256 in wanted)
    assert not snapshot.blob_path(studio.home, before.files[0].sha256).exists()


def test_unused_environments_go(studio: Studio) -> None:
    home = studio.home.create()
    for name, days in (("old", 31), ("new", 29)):
        (home.environments / name).mkdir()
        lock = home.environments / f"{name}.lock"
        lock.touch()
        then = time.time() - days * 86_400
        os.utime(lock, (then, then))
    assert sweep(studio).environments == ("old",)
    assert not (home.environments / "old").exists()
    assert (home.environments / "new").is_dir()


def test_a_snapshot_being_taken_is_safe(studio: Studio, add: Callable[..., Job]) -> None:
    studio.home.create()
    sha256 = snapshot.store_bytes(studio.home, b"of a submission that is not there yet")
    path = snapshot.blob_path(studio.home, sha256)
    assert sweep(studio).blobs == 0
    assert path.is_file()
    # An old blob that a submission finds and means to use again.
    age_blobs(studio)
    snapshot.store_bytes(studio.home, b"of a submission that is not there yet")
    assert sweep(studio).blobs == 0
    # It wants it in the very moment between the look at its age and the removal.
    assert garbage.remove(path, young=time.time() - 3600) is None
    assert path.read_bytes() == b"of a submission that is not there yet"
    age_blobs(studio)
    assert sweep(studio).blobs == 1
    assert not path.exists()


def test_what_a_dead_process_left_is_removed(studio: Studio, add: Callable[..., Job]) -> None:
    job = add(days_ago=1)
    incoming = studio.home.blobs / "xx" / ".in-abc"
    incoming.parent.mkdir(exist_ok=True)
    incoming.write_bytes(b"half")
    used = add(days_ago=1)
    taken = studio.jobs.detail(used.id).snapshot
    assert taken
    wanted = snapshot.blob_path(studio.home, taken.files[0].sha256)
    wanted.rename(wanted.with_name(garbage.ASIDE + wanted.name))
    age_blobs(studio)
    folder = studio.home.job(job.id)
    assert studio.jobs.store.delete(job.id)
    sweep(studio)
    assert not incoming.exists()
    assert not folder.exists()
    assert wanted.is_file()


def test_a_home_with_jobs_of_another_database_loses_nothing(
    studio: Studio, add: Callable[..., Job], tmp_path: Path
) -> None:
    from labstudio._studio import Studio as OpenStudio

    job = add(days_ago=100, size=100)
    age_blobs(studio)
    other = OpenStudio(studio.home.path, database_url=f"sqlite:///{tmp_path}/other.db")
    assert sweep(other, max_age_s=1) == Swept()
    assert studio.home.job(job.id).is_dir()
    taken = studio.jobs.detail(job.id).snapshot
    assert taken
    assert snapshot.blob_path(studio.home, taken.files[0].sha256).is_file()
    other.close()
