"""Declared inputs: kept by content, apart from the files, hashed again only when changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from labstudio._studio import Studio
from labstudio.errors import InvalidInput, NotFound
from labstudio.jobs import declared
from labstudio.jobs.garbage import referenced
from labstudio.jobs.models import CreateJob, Snapshot
from labstudio.jobs.request import create_job
from labstudio.jobs.snapshot import blob_path, materialise


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "train.py").write_text("print('x')")
    folder = tmp_path / "data"
    (folder / "deep").mkdir(parents=True)
    (folder / "a.csv").write_text("a")
    (folder / "deep/b.csv").write_text("bb")
    for each in folder.rglob("*.csv"):
        os.utime(each, (1e9, 1e9))
    return folder


def taken(studio: Studio, folder: Path, root: Path | None = None, **inputs: str) -> Snapshot:
    spec = CreateJob(
        path="train.py" if root else str(folder / "train.py"),
        files=[],
        inputs={name.replace("_", "/"): path for name, path in inputs.items()},
    )
    job = studio.jobs.create(spec, root=root)
    snapshot = studio.jobs.detail(job.id).snapshot
    assert snapshot is not None
    return snapshot


def test_files_and_folders_are_kept_apart_from_the_jobs_own(studio: Studio, data: Path) -> None:
    snapshot = taken(studio, data.parent, one_x="data/a.csv", all="data")
    assert [each.path for each in snapshot.files] == ["train.py"]
    assert {each.path: each.size_bytes for each in snapshot.inputs} == {
        "one/x": 1,
        "all/a.csv": 1,
        "all/deep/b.csv": 2,
    }
    assert referenced(studio) == {each.sha256 for each in snapshot.everything}


def test_they_are_laid_out_read_only_and_are_not_the_kept_content(
    studio: Studio, data: Path, tmp_path: Path
) -> None:
    snapshot = taken(studio, data.parent, x="data/a.csv")
    work = tmp_path / "work"
    materialise(studio.home, snapshot, work)
    laid = work / "x"
    assert laid.stat().st_mode & 0o777 == 0o444
    blob = blob_path(studio.home, snapshot.inputs[0].sha256)
    assert laid.stat().st_ino != blob.stat().st_ino
    laid.chmod(0o644)
    laid.write_text("changed")
    assert blob.read_text() == "a"


def test_a_file_that_did_not_change_is_not_read_again(
    studio: Studio, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = taken(studio, data.parent, all="data")
    read: list[Path] = []
    store = declared.store_file

    def noted(home: object, source: Path) -> tuple[str, int]:
        read.append(source)
        return store(home, source)  # type: ignore[arg-type]

    monkeypatch.setattr(declared, "store_file", noted)
    assert taken(studio, data.parent, all="data").inputs == first.inputs
    assert read == []
    (data / "a.csv").write_text("A")
    later = time.time() - 100
    os.utime(data / "a.csv", (later, later))
    assert taken(studio, data.parent, all="data").inputs != first.inputs
    assert read == [data / "a.csv"]
    # What is gone from the home is kept anew.
    for each in first.inputs:
        blob_path(studio.home, each.sha256).unlink(missing_ok=True)
    again = taken(studio, data.parent, all="data")
    assert all(blob_path(studio.home, each.sha256).exists() for each in again.inputs)


def test_they_do_not_count_as_files(data: Path, studio: Studio) -> None:
    (data / "big.bin").write_bytes(b"0" * 10_000)
    small = Studio(studio.home.path, snapshot_limit_bytes=1000)
    assert taken(small, data.parent, all="data").inputs
    small.close()


@pytest.mark.parametrize("name", ["/abs", "../up", "a/../../up", "."])
def test_a_name_stays_within_the_working_folder(studio: Studio, data: Path, name: str) -> None:
    spec = CreateJob(path=str(data.parent / "train.py"), inputs={name: "data/a.csv"})
    with pytest.raises(InvalidInput, match="within the working folder") as caught:
        studio.jobs.create(spec)
    assert caught.value.details["field"] == "inputs"


def test_over_rest_they_stay_within_the_root(studio: Studio, data: Path, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "secret").write_text("s")
    (data / "link").symlink_to(outside / "secret")
    for path in ("../x", str(outside / "secret"), f"../{outside.name}/secret", "data/link", "data"):
        with pytest.raises((InvalidInput, NotFound)):
            taken(studio, tmp_path, root=tmp_path, x=path)
    (data / "link").unlink()
    assert taken(studio, tmp_path, root=tmp_path, x="/data/a.csv", y="data").inputs


def test_what_is_missing_or_there_twice_is_said(studio: Studio, data: Path) -> None:
    with pytest.raises(NotFound, match="'nothing' does not exist"):
        taken(studio, data.parent, x="nothing")
    spec = CreateJob(path=str(data.parent / "train.py"), inputs={"train.py": "data/a.csv"})
    with pytest.raises(InvalidInput, match=r"'train\.py' is there twice"):
        studio.jobs.create(spec)


def test_a_shells_paths_are_relative_to_where_one_stands(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data)
    given = {"path": "../train.py", "inputs": ["d=a.csv"], "cpus": 2.0, "memory": "1GiB"}
    spec = create_job(given)
    assert spec.inputs == {"d": str(data / "a.csv")}
    assert (spec.need.cpus, spec.need.memory, spec.need.gpus) == (2.0, 1 << 30, 0)


def test_a_rerun_has_the_inputs_of_the_first(
    studio: Studio, data: Path, write_notebook: Callable[..., Path]
) -> None:
    snapshot = taken(studio, data.parent, x="data/a.csv")
    job = studio.jobs.list().items[0]
    (data / "a.csv").write_text("other")
    again = studio.jobs.rerun(job.id)
    assert studio.jobs.detail(again.id).snapshot == snapshot
