"""Submitting and following jobs, without a daemon: what is accepted, what refused, how clearly."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from labstudio._studio import Studio
from labstudio.database.tables import jobs
from labstudio.errors import Conflict, InvalidInput, JobFailed, NotFound, StudioError, TooLarge
from labstudio.jobs.handle import JobHandle
from labstudio.jobs.models import (
    CreateJob,
    CreateSweep,
    JobError,
    JobKind,
    JobState,
    ListJobs,
    RerunJob,
)
from labstudio.jobs.snapshot import blob_path

WriteNotebook = Callable[..., Path]
PARAMETERS = ("depth: int = 3\nrate = 0.5\nname = 'x'", ["parameters"])


def test_a_notebook_is_accepted_with_its_parameters_checked(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    path = write_notebook(PARAMETERS, "print(depth)")
    job = studio.jobs.create(CreateJob(path=str(path), parameters={"depth": "5"}))
    assert job.state is JobState.queued
    assert job.kind is JobKind.notebook
    assert job.parameters == {"depth": 5}
    detail = studio.jobs.detail(job.id)
    assert detail.snapshot is not None
    assert detail.snapshot.entry == "train.ipynb"
    assert detail.provenance is not None
    assert "pydantic" in detail.provenance.packages


def test_editing_the_notebook_afterwards_changes_nothing(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    path = write_notebook("print('first')")
    before = path.read_bytes()
    job = studio.jobs.create(CreateJob(path=str(path)))
    write_notebook("print('second')")
    snapshot = studio.jobs.detail(job.id).snapshot
    assert snapshot is not None
    assert blob_path(studio.home, snapshot.files[0].sha256).read_bytes() == before


def test_git_is_recorded(studio: Studio, write_notebook: WriteNotebook) -> None:
    path = write_notebook("1")
    git = ["git", "-C", str(path.parent), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    subprocess.run(
        [*git, "remote", "add", "origin", "https://user:secret@example.org/r.git"], check=True
    )
    job = studio.jobs.create(CreateJob(path=str(path)))
    found = studio.jobs.detail(job.id).provenance
    assert found is not None
    assert (found.git_branch, found.git_dirty) == ("main", False)
    assert found.git_remote == "https://example.org/r.git"
    write_notebook("2")
    again = studio.jobs.detail(studio.jobs.create(CreateJob(path=str(path))).id).provenance
    assert again is not None
    assert again.git_dirty is True


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"path": "nowhere.ipynb"}, "path", "does not exist"),
        ({"path": "../outside.ipynb"}, "path", "leaves the server's root"),
        ({"path": "//etc/passwd"}, "path", "leaves the server's root"),
        ({"path": "link.ipynb"}, "path", "leaves the server's root"),
        ({"path": "."}, "path", "is a folder"),
        ({"path": "bad.ipynb"}, "path", "JSON"),
        ({"path": "data.csv"}, "path", "neither a notebook"),
        ({"path": "nul\0.ipynb"}, "path", "null character"),
        ({"path": "ok.ipynb", "parameters": {"depth": "deep"}}, "parameters.depth", "int"),
        ({"path": "ok.ipynb", "kernel_name": "cobol"}, "kernel_name", "no kernel here"),
        ({"path": "ok.ipynb", "compute": "moon"}, "compute", "not known"),
        ({"path": "ok.ipynb", "kind": "script"}, "kind", "is a notebook"),
        ({"path": "ok.ipynb", "files": ["../secret"]}, "files", "secret"),
        ({"path": "ok.ipynb", "files": ["/etc/passwd"]}, "files", "passwd"),
        (
            {"path": "ok.ipynb", "environment": {"requirements_file": "none.txt"}},
            "environment.requirements_file",
            "cannot be read",
        ),
        (
            {"path": "ok.ipynb", "environment": {"requirements": ["six", "six=>1"]}},
            "environment.requirements",
            "'six=>1'",
        ),
        (
            {"kind": "cell", "code": "1", "environment": {"requirements": ["a b"]}},
            "environment.requirements",
            "'a b'",
        ),
        (
            {"kind": "cell", "code": "1", "environment": {"requirements_file": "data.csv"}},
            "environment.requirements_file",
            "line 1: 'a,b'",
        ),
        ({"kind": "cell"}, "code", "missing"),
        ({}, "path", "missing"),
    ],
)
def test_bad_input_gets_one_sentence_that_names_the_field(
    studio: Studio,
    write_notebook: WriteNotebook,
    tmp_path: Path,
    fields: dict[str, object],
    field: str,
    words: str,
) -> None:
    outside = write_notebook("1", name="outside.ipynb")
    root = tmp_path / "root"
    root.mkdir()
    write_notebook(PARAMETERS).rename(root / "ok.ipynb")
    (root / "bad.ipynb").write_text("not a notebook")
    (root / "data.csv").write_text("a,b")
    (root / "link.ipynb").symlink_to(outside)
    with pytest.raises(StudioError) as caught:
        studio.jobs.create(CreateJob.model_validate(fields), root=root)
    assert caught.value.status in (400, 404)
    assert caught.value.details["field"] == field
    assert words in caught.value.message
    assert "\n" not in caught.value.message
    assert studio.jobs.list().items == []


@pytest.mark.parametrize("name", ["it's.ipynb", 'a "b" c.ipynb', "日本語 ノート.ipynb", "🚀.ipynb"])
def test_names_with_spaces_quotes_emoji_and_japanese(
    studio: Studio, write_notebook: WriteNotebook, name: str
) -> None:
    path = write_notebook("1", name=name)
    job = studio.jobs.create(CreateJob(path=name), root=path.parent)
    assert job.name == name
    assert studio.jobs.list(ListJobs(query=name[:2])).items[0].id == job.id


def test_too_large_a_snapshot_is_refused_and_nothing_is_kept(
    home: object, studio: Studio, write_notebook: WriteNotebook
) -> None:
    studio.config.snapshot_limit_bytes = 1000
    path = write_notebook("1")
    (path.parent / "big.bin").write_bytes(b"x" * 2000)
    with pytest.raises(TooLarge, match="hold more than 1000 bytes"):
        studio.jobs.create(CreateJob(path=str(path), files=["big.bin"]))
    assert studio.jobs.list().items == []


def test_an_idempotency_key_gives_the_first_job_back(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    spec = CreateJob(path=str(write_notebook("1")), idempotency_key="nightly")
    first = studio.jobs.create(spec)
    assert studio.jobs.create(spec).id == first.id
    assert studio.jobs.create(spec, user="somebody else").id != first.id


def test_a_sweep_makes_a_job_for_each_combination(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    request = CreateSweep(
        job=CreateJob(path=str(write_notebook(PARAMETERS)), parameters={"name": "y"}),
        grid={"depth": [1, 2, 3], "rate": [0.1, 0.2]},
    )
    jobs = studio.jobs.sweep(request)
    assert [(job.parameters["depth"], job.parameters["rate"]) for job in jobs] == [
        (1, 0.1), (1, 0.2), (2, 0.1), (2, 0.2), (3, 0.1), (3, 0.2),
    ]  # fmt: skip
    assert {job.parameters["name"] for job in jobs} == {"y"}
    assert len({job.sweep_id for job in jobs}) == 1
    page = studio.jobs.list(ListJobs(sweep_id=jobs[0].sweep_id, limit=4))
    assert len(page.items) == 4
    rest = studio.jobs.list(ListJobs(sweep_id=jobs[0].sweep_id, cursor=page.next_cursor))
    assert {job.id for job in [*page.items, *rest.items]} == {job.id for job in jobs}
    assert page.counts == {JobState.queued: 6}


def test_a_sweep_is_read_back_at_once(studio: Studio, write_notebook: WriteNotebook) -> None:
    path = write_notebook(PARAMETERS, "print(depth)")
    asked = CreateSweep(job=CreateJob(path=str(path)), grid={"depth": list(range(50))})
    studio.jobs.list()
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    sa.event.listen(studio.database.engine, "before_cursor_execute", note)
    made = studio.jobs.sweep(asked)
    sa.event.remove(studio.database.engine, "before_cursor_execute", note)
    assert [job.parameters["depth"] for job in made] == list(range(50))
    assert len([each for each in statements if "WHERE jobs.id" in each]) == 1


def test_a_sweep_with_one_wrong_value_makes_no_job(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    spec = CreateJob(path=str(write_notebook(PARAMETERS)))
    with pytest.raises(InvalidInput, match="depth"):
        studio.jobs.sweep(CreateSweep(job=spec, grid={"depth": [1, "deep"]}))
    assert studio.jobs.list().items == []


def test_a_requirements_file_is_read_at_submission(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    path = write_notebook("1")
    listed = path.parent / "requirements.txt"
    listed.write_text("# ours\nsix==1.16.0\n\n")
    spec = CreateJob.model_validate(
        {"path": str(path), "environment": {"requirements_file": "requirements.txt"}}
    )
    job = studio.jobs.create(spec)
    listed.write_text("six==1.0")
    assert studio.jobs.detail(job.id).spec.environment.requirements == ["six==1.16.0"]


def test_stopping_a_queued_job_ends_it_and_a_second_stop_is_refused(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    job = studio.jobs.create(CreateJob(path=str(write_notebook("1"))))
    assert studio.jobs.stop(job.id).state is JobState.stopped
    with pytest.raises(Conflict, match="already ended"):
        studio.jobs.stop(job.id)
    with pytest.raises(JobFailed, match="stopped"):
        studio.jobs.result(job.id)


def test_deleting_takes_the_files_along_and_only_when_ended(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    job = studio.jobs.create(CreateJob(path=str(write_notebook("1"))))
    with pytest.raises(Conflict, match="stop it before"):
        studio.jobs.delete(job.id)
    studio.jobs.stop(job.id)
    folder = studio.home.job(job.id)
    folder.mkdir(parents=True, exist_ok=True)
    studio.jobs.delete(job.id)
    assert not folder.exists()
    with pytest.raises(NotFound):
        studio.jobs.get(job.id)


def test_a_rerun_has_the_first_jobs_snapshot_and_the_changes(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    path = write_notebook(PARAMETERS, "print(1)")
    job = studio.jobs.create(CreateJob(path=str(path), parameters={"depth": 4}))
    path.unlink()
    again = studio.jobs.rerun(job.id, RerunJob(parameters={"depth": 9}, priority=3))
    assert (again.parameters, again.priority, again.rerun_of) == ({"depth": 9}, 3, job.id)
    assert studio.jobs.detail(again.id).snapshot == studio.jobs.detail(job.id).snapshot
    with pytest.raises(InvalidInput, match="depth"):
        studio.jobs.rerun(job.id, RerunJob(parameters={"depth": "deep"}))


def test_an_attempt_ends_once_and_its_policy_says_what_follows(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    store = studio.jobs.store
    spec = CreateJob(path=str(write_notebook("1")), retries=1, retry_backoff_s=60)
    job = studio.jobs.create(spec)
    first = store.begin_attempt(job.id, 1, "w")
    assert first is not None
    assert store.begin_attempt(job.id, 2, "w") is None
    error = JobError(type="ValueError", message="bad\nluck")
    assert store.finish_attempt(first, 1, JobState.failed, error=error)
    assert not store.finish_attempt(first, 1, JobState.succeeded)
    waiting = studio.jobs.get(job.id)
    assert waiting.state is JobState.queued
    assert waiting.next_attempt_at is not None
    assert studio.jobs.detail(job.id).attempts[0].cause == (
        "ValueError: bad Tried again (1 of 2 attempts made)."
    )
    second = store.begin_attempt(job.id, 2, "w")
    assert second is not None
    assert store.finish_attempt(second, 2, JobState.failed, error=error)
    ended = studio.jobs.get(job.id)
    assert (ended.state, ended.error, ended.attempt) == (
        JobState.failed, "ValueError: bad", 2,
    )  # fmt: skip


def test_a_stopped_job_is_not_tried_again(studio: Studio, write_notebook: WriteNotebook) -> None:
    job = studio.jobs.create(CreateJob(path=str(write_notebook("1")), retries=5))
    attempt = studio.jobs.store.begin_attempt(job.id, 1, "w")
    assert attempt is not None
    studio.jobs.stop(job.id)
    asked = studio.jobs.detail(job.id)
    assert asked.stop_requested
    assert studio.jobs.store.finish_attempt(asked, 1, JobState.stopped)
    assert studio.jobs.get(job.id).state is JobState.stopped


def test_other_users_jobs_can_be_left_out(studio: Studio, write_notebook: WriteNotebook) -> None:
    path = str(write_notebook("1"))
    mine = studio.jobs.create(CreateJob(path=path), user="ada")
    studio.jobs.create(CreateJob(path=path), user="bob")
    page = studio.jobs.list(users=["ada"])
    assert [job.id for job in page.items] == [mine.id]
    assert page.counts == {JobState.queued: 1}


def test_a_cell_is_a_notebook_of_one_cell(studio: Studio) -> None:
    job = studio.jobs.create(
        CreateJob(kind=JobKind.cell, code="y = x + 1"), payload=b"pickled", assigns=["y"]
    )
    snapshot = studio.jobs.detail(job.id).snapshot
    assert snapshot is not None
    content = json.loads(blob_path(studio.home, snapshot.files[0].sha256).read_text())
    assert content["cells"][0]["source"] == "y = x + 1"
    assert snapshot.payload is not None
    assert blob_path(studio.home, snapshot.payload).read_bytes() == b"pickled"
    assert studio.jobs.store.assigns(job.id) == ["y"]


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_full_home_refuses_clearly(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StudioError, match="cannot be written"):
        Studio(tmp_path / "h").jobs.list()


def test_a_job_stopped_in_the_queue_is_kept_no_longer_than_was_asked(
    studio: Studio, write_notebook: WriteNotebook
) -> None:
    job = studio.jobs.create(CreateJob(path=str(write_notebook("1")), retain_s=60))
    ended = studio.jobs.stop(job.id).ended_at
    assert ended is not None
    with studio.database.read() as connection:
        kept = connection.scalar(sa.select(jobs.c.retain_until).where(jobs.c.id == job.id))
    assert kept == ended + timedelta(seconds=60)


def test_a_log_that_is_followed_goes_on_with_the_next_attempt(
    studio: Studio, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "job.py"
    script.write_text("1")
    job = studio.jobs.create(CreateJob(path=str(script), retries=1, retry_backoff_s=0))
    store = studio.jobs.store
    read: list[str] = []
    shown = ""

    def until_shown(text: str) -> None:
        nonlocal shown
        deadline = time.monotonic() + 60
        while not shown.endswith(text):
            assert time.monotonic() < deadline, shown
            time.sleep(0.01)
            shown += capsys.readouterr().out

    def attempt(number: int, text: str) -> None:
        started = store.begin_attempt(job.id, number, "test")
        assert started is not None
        folder = studio.home.attempt(job.id, number)
        folder.mkdir(parents=True)
        (folder / "log").write_text(text)
        until_shown(text)
        with (folder / "log").open("a") as file:
            file.write("last\n")
        assert store.finish_attempt(started, number, JobState.failed)
        until_shown("last\n")

    handle = JobHandle(studio, job)
    follower = threading.Thread(target=lambda: read.append(handle.logs(follow=True)))
    follower.start()
    attempt(1, "first\n")
    attempt(2, "2\n")
    follower.join(60)
    assert read == ["2\nlast\n"]
    assert shown == "first\nlast\n2\nlast\n"
