"""Deleting jobs is how one makes room: it works where there is none left."""

from __future__ import annotations

import pytest
from harness import House
from test_disk import fill, small  # noqa: F401

from labstudio.errors import NotFound, Unavailable
from labstudio.jobs.models import Job

pytestmark = pytest.mark.faults


def ended(home: House, size: int) -> Job:
    """A job that ended, with as many bytes of files."""
    job = home.script("print('once')", name=f"{size} bytes")
    home.jobs.stop(job.id)
    folder = home.home.attempt(job.id, 1)
    (folder / "work").mkdir(parents=True)
    (folder / "log").write_bytes(b"x" * size)
    return job


def test_a_job_with_files_is_deleted_though_the_disk_is_full(small: House) -> None:  # noqa: F811
    jobs = [ended(small, 4_000_000) for _ in range(3)]
    fill(small)
    small.jobs.delete(jobs[0].id)
    fill(small)
    done = small.python(
        "import sys; from labstudio.cli import main; main(['job', 'delete', sys.argv[1]])",
        jobs[1].id,
    )
    assert done.wait(60) == 0
    for job in jobs[:2]:
        assert not small.home.job(job.id).exists()
        with pytest.raises(NotFound):
            small.jobs.get(job.id)
    assert [job.id for job in small.all_jobs()] == [jobs[2].id]
    small.script("print('room again')")


def test_a_job_too_small_to_make_room_is_kept_whole_and_the_answer_says_why(
    small: House,  # noqa: F811
) -> None:
    jobs = [ended(small, 10_000), ended(small, 4_000_000)]
    filler = fill(small)
    with pytest.raises(Unavailable, match="too small to make the room") as refused:
        small.jobs.delete(jobs[0].id)
    assert "\n" not in refused.value.message
    assert small.jobs.get(jobs[0].id).state.final
    assert (small.home.attempt(jobs[0].id, 1) / "log").stat().st_size == 10_000
    # The larger one makes room for both.
    small.jobs.delete(jobs[1].id)
    small.jobs.delete(jobs[0].id)
    assert small.all_jobs() == []
    filler.unlink()
