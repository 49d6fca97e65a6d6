"""Removes snapshot contents that no job needs any more.

A blob may be wanted by a submission that has not reached the database yet. Whoever wants one sets
its time to now, and a blob younger than an hour is never removed. In the moment between looking at
that time and removing the file somebody may come to want it, so the file is first moved aside,
looked at again, and moved back if so. A submission that comes while it is aside finds nothing and
writes it anew.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.database.tables import changes, jobs
from labstudio.ids import is_id

if TYPE_CHECKING:
    from pathlib import Path

    from labstudio._studio import Studio

LOG = logging.getLogger(__name__)

BLOB_PATIENCE_S = 3600.0

SHA256 = re.compile(r"[0-9a-f]{64}")
ASIDE = ".gone-"
INCOMING = ".in-"


def collect(studio: Studio, now_s: float) -> tuple[int, int]:
    """Remove the blobs that no job refers to.

    Parameters
    ----------
    studio
        Whose home.
    now_s
        The time, in seconds since the epoch.

    Returns
    -------
    tuple
        How many were removed, and how many bytes they held.
    """
    young = now_s - BLOB_PATIENCE_S
    if strangers := unknown_jobs(studio):
        # The home was used with another database, whose jobs need their snapshots too.
        LOG.warning(
            "Snapshots are not cleaned up: %d job folders such as %s are not in this database.",
            len(strangers),
            strangers[0],
        )
        return 0, 0
    # First the blobs, then the references: a job accepted in between refers to a young blob.
    everything = studio.home.blobs.glob("*/*")
    found = [path for path in everything if is_aside(path) or modified(path) < young]
    wanted = referenced(studio)
    count = size = 0
    for path in found:
        if path.name.startswith(INCOMING):
            # Left by a process that died while writing.
            path.unlink(missing_ok=True)
        elif is_aside(path):
            put_back(path, wanted)
        elif SHA256.fullmatch(path.name) and path.name not in wanted:
            removed = remove(path, young)
            count += removed is not None
            size += removed or 0
    return count, size


def referenced(studio: Studio) -> set[str]:
    """Return the hashes of everything that a job's snapshot holds."""
    wanted: set[str] = set()
    with studio.database.read() as connection:
        for snapshot in connection.execute(sa.select(jobs.c.snapshot)).scalars():
            wanted |= {file["sha256"] for file in snapshot["files"]}
            wanted |= {file["sha256"] for file in snapshot.get("inputs", ())}
            if payload := snapshot.get("payload"):
                wanted.add(payload)
    return wanted


def unknown_jobs(studio: Studio) -> list[Path]:
    """Return the job folders that the database knows nothing of.

    What is left of jobs that were deleted when the process died is removed on the way.
    """
    folders = {path.name: path for path in studio.home.jobs.glob("*") if is_id(path.name)}
    with studio.database.read() as connection:
        known = set(connection.execute(sa.select(jobs.c.id)).scalars())
        gone = set(
            connection.execute(
                sa.select(changes.c.object_id).where(
                    changes.c.topic == "jobs", changes.c.kind == "deleted"
                )
            ).scalars()
        )
    for job_id in gone & set(folders):
        remove_folder(folders.pop(job_id))
    return [folder for job_id, folder in sorted(folders.items()) if job_id not in known]


def remove(path: Path, young: float) -> int | None:
    """Remove a blob unless somebody has come to want it; return its length if it is gone."""
    aside = path.with_name(ASIDE + path.name)
    try:
        path.rename(aside)
        found = aside.stat()
        if found.st_mtime >= young:
            aside.rename(path)
            return None
        aside.unlink()
    except FileNotFoundError:
        return None
    return found.st_size


def put_back(aside: Path, wanted: set[str]) -> None:
    """Deal with a blob that a process moved aside before it died."""
    path = aside.with_name(aside.name.removeprefix(ASIDE))
    if path.name in wanted and not path.exists():
        aside.rename(path)
    else:
        aside.unlink(missing_ok=True)


def remove_folder(path: Path) -> None:
    """Remove a folder, as much of it as can be."""
    import shutil

    shutil.rmtree(path, ignore_errors=True)


def is_aside(path: Path) -> bool:
    """Tell whether a file is a blob that was moved aside."""
    return path.name.startswith(ASIDE)


def modified(path: Path) -> float:
    """Return when a file was last wanted; never, when it is gone already."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")
