"""Checkpoints on disk: folders ``step-NUMBER`` that are renamed into place when they are whole.

A manifest in each, written last, tells its files and their sizes: so a copy that another machine
made of it, and did not finish, is told from a whole one as well.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = "checkpoint.json"
_NAME = re.compile(r"step-(\d+)")


def name(step: int) -> str:
    """Return what the folder of a step is called; names sort as steps do."""
    return f"step-{step:012d}"


def step_of(path: Path) -> int:
    """Return the step of a checkpoint."""
    told = _NAME.fullmatch(path.name)
    assert told is not None
    return int(told[1])


def write(folder: Path, step: int, fill: Callable[[Path], object]) -> Path:
    """Make a checkpoint; return its folder.

    Parameters
    ----------
    folder
        Where checkpoints lie.
    step
        Which one.
    fill
        Writes its files into the folder that it is given.
    """
    target = folder / name(step)
    passing = Path(tempfile.mkdtemp(dir=folder, prefix=f".{target.name}."))
    try:
        fill(passing)
        files = {
            str(path.relative_to(passing).as_posix()): path.stat().st_size
            for path in sorted(passing.rglob("*"))
            if path.is_file()
        }
        for path in passing.rglob("*"):
            _settle(path)
        (passing / MANIFEST).write_text(json.dumps({"step": step, "files": files}))
        _settle(passing / MANIFEST)
        passing.chmod(0o755)
        if target.exists():
            # Between the two renames the one before this step is the newest.
            target.rename(folder / f".{target.name}.old")
        passing.rename(target)
        shutil.rmtree(folder / f".{target.name}.old", ignore_errors=True)
    except BaseException:
        shutil.rmtree(passing, ignore_errors=True)
        raise
    _settle(folder)
    return target


def is_whole(path: Path) -> bool:
    """Say whether a folder is a checkpoint with all its files."""
    if not _NAME.fullmatch(path.name):
        return False
    try:
        files = json.loads((path / MANIFEST).read_text())["files"]
        return all((path / each).stat().st_size == size for each, size in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def all_whole(folder: Path) -> list[Path]:
    """Return every whole checkpoint in a folder, the newest first."""
    try:
        found = [path for path in folder.iterdir() if is_whole(path)]
    except OSError:
        return []
    return sorted(found, key=step_of, reverse=True)


def newest(folder: Path) -> Path | None:
    """Return the newest whole checkpoint in a folder."""
    return next(iter(all_whole(folder)), None)


def forget(folder: Path, keep: int) -> None:
    """Remove all but the newest, and what was left half-written by code that was cut off."""
    for path in all_whole(folder)[keep:]:
        shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(".step-*"):
        shutil.rmtree(path, ignore_errors=True)


def _settle(path: Path) -> None:
    """Wait for the disk: what is renamed must be there after a power cut too."""
    if path.is_dir() and os.name == "nt":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
