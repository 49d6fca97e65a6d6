"""What an attempt at a job finds of those before it: their newest whole checkpoint."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from labstudio.checkpoint import KEPT, whole
from labstudio.errors import InvalidInput
from labstudio.jobs.models import Snapshot, SnapshotFile
from labstudio.jobs.runner.protocol import SAVED, WORK, read_result
from labstudio.jobs.snapshot import materialise, store_file, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from labstudio.home import Home


def with_checkpoint(
    home: Home, job_id: str, number: int, snapshot: Snapshot, say: Callable[[str], None]
) -> Snapshot:
    """Return a snapshot that has the newest checkpoint beside the code.

    Only a whole checkpoint is taken along: an attempt that was cut off may have left half of one.
    Files that the code itself put there come along where it had the time to end.

    Parameters
    ----------
    home
        The studio home.
    job_id, number
        The attempt that is to begin.
    snapshot
        The job's code.
    say
        Writes a line into the attempt's log.
    """
    for earlier in range(number - 1, 0, -1):
        attempt = home.attempt(job_id, earlier)
        folder = attempt / WORK / SAVED
        newest = whole.newest(folder)
        paths = [] if newest is None else _files(newest)
        result = read_result(attempt)
        if result is not None and result.outcome == "preempted":
            paths += _own_files(folder)
        if not paths:
            continue
        if newest is not None:
            say(f"It goes on from the checkpoint of step {whole.step_of(newest)}.")
        kept = [_kept(home, path, attempt / WORK) for path in paths]
        return snapshot.model_copy(update={"files": [*snapshot.files, *kept]})
    return snapshot


def keep(home: Home, job_id: str, number: int, name: str, files: list[SnapshotFile]) -> None:
    """Keep a checkpoint that an attempt elsewhere saved; its content is among the blobs already.

    Raises
    ------
    InvalidInput
        When content is missing, or it is no whole checkpoint.
    """
    folder = home.attempt(job_id, number) / WORK / SAVED
    target, passing = folder / name, folder / f".{name}.brought" / name
    brought = Snapshot(entry=files[0].path, files=files)
    verify(home, brought)
    shutil.rmtree(passing.parent, ignore_errors=True)
    passing.mkdir(mode=0o700, parents=True)
    try:
        materialise(home, brought, passing)
        if not whole.is_whole(passing):
            raise InvalidInput(f"{name} is no whole checkpoint.", field="files")
        if target.exists():
            shutil.rmtree(target)
        passing.rename(target)
    finally:
        shutil.rmtree(passing.parent, ignore_errors=True)
    for old in whole.all_whole(folder)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]


def _own_files(folder: Path) -> list[Path]:
    """Return what is no checkpoint of `labstudio.checkpoint`, whole or not, and no notice."""
    found = []
    for path in folder.iterdir() if folder.exists() else ():
        if not path.name.startswith((".", "step-")):
            found += _files(path) if path.is_dir() else [path]
    return found


def _kept(home: Home, path: Path, work: Path) -> SnapshotFile:
    sha256, size = store_file(home, path)
    return SnapshotFile(path=path.relative_to(work).as_posix(), sha256=sha256, size_bytes=size)
