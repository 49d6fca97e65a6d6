"""What is deleted by itself: ended jobs by age or size, and what no job needs any more.

The daemon calls `sweep` about each hour.
"""

from __future__ import annotations

import logging
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio.database.tables import jobs
from labstudio.errors import Conflict, NotFound, StudioError
from labstudio.jobs.garbage import collect
from labstudio.jobs.models import FINAL_STATES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from labstudio._studio import Studio

LOG = logging.getLogger(__name__)

_FINAL = [state.value for state in FINAL_STATES]


@dataclass(frozen=True)
class Swept:
    """What a clean-up removed."""

    jobs: tuple[str, ...] = ()
    blobs: int = 0
    blob_bytes: int = 0
    environments: tuple[str, ...] = ()


def sweep(
    studio: Studio,
    *,
    max_age_s: float | None = None,
    max_bytes: int | None = None,
    environments_unused_s: float = 30 * 86_400,
    now: datetime | None = None,
) -> Swept:
    """Delete the ended jobs that the rules say, and then what no job needs.

    Parameters
    ----------
    studio
        Whose jobs.
    max_age_s
        Delete jobs that ended longer ago than this, in seconds.
    max_bytes
        Delete the jobs that ended first while the folders of all jobs hold more than this.
    environments_unused_s
        Remove environments that no job has used for so long, in seconds.
    now
        The time, if not this moment.

    Returns
    -------
    Swept
        The jobs deleted and what else was removed. A job that cannot be deleted now is logged and
        left for the next time.
    """
    from labstudio.jobs.environments import remove_unused

    moment = now or datetime.now(UTC)
    deleted = delete_all(studio, expired(studio, max_age_s, moment))
    if max_bytes is not None:
        deleted += delete_until(studio, max_bytes)
    blobs, blob_bytes = collect(studio, moment.timestamp() if now else time.time())
    unused = remove_unused(studio.home, environments_unused_s)
    if deleted or blobs or unused:
        LOG.info(
            "Deleted %d jobs, %d unused snapshot files, %d unused environments.",
            len(deleted),
            blobs,
            len(unused),
        )
    return Swept(tuple(deleted), blobs, blob_bytes, tuple(unused))


def expired(studio: Studio, max_age_s: float | None, now: datetime) -> list[str]:
    """Return the jobs whose own time to live, or everybody's, is over; oldest first."""
    over = jobs.c.retain_until <= now
    if max_age_s is not None:
        over |= jobs.c.ended_at < now - timedelta(seconds=max_age_s)
    query = sa.select(jobs.c.id).where(jobs.c.state.in_(_FINAL), over).order_by(jobs.c.ended_at)
    with studio.database.read() as connection:
        return list(connection.execute(query).scalars())


def delete_all(studio: Studio, job_ids: Iterable[str]) -> list[str]:
    """Delete jobs; return those that are gone by this."""
    deleted = []
    for job_id in job_ids:
        try:
            studio.jobs.delete(job_id)
        except (NotFound, Conflict):
            # Somebody deleted it, or ran it again, meanwhile.
            continue
        except (StudioError, OSError):
            LOG.exception("Job %s could not be deleted.", job_id)
        else:
            deleted.append(job_id)
    return deleted


def delete_until(studio: Studio, max_bytes: int) -> list[str]:
    """Delete the jobs that ended first until all jobs' folders hold no more than `max_bytes`."""
    sizes = {path.name: folder_bytes(path) for path in studio.home.jobs.glob("*")}
    excess = sum(sizes.values()) - max_bytes
    if excess <= 0:
        return []
    query = sa.select(jobs.c.id).where(jobs.c.state.in_(_FINAL)).order_by(jobs.c.ended_at)
    with studio.database.read() as connection:
        ended = list(connection.execute(query).scalars())
    deleted: list[str] = []
    for job_id in ended:
        if excess <= 0:
            break
        # Without a folder, as when it was stopped in the queue, it takes no room.
        if sizes.get(job_id) and delete_all(studio, [job_id]):
            deleted.append(job_id)
            excess -= sizes[job_id]
    return deleted


def folder_bytes(folder: Path) -> int:
    """Return what the files in a folder hold; a file with several names counts once."""
    seen: set[tuple[int, int]] = set()
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                found = os.lstat(os.path.join(where, name))  # noqa: PTH118  many files, os.walk
            except FileNotFoundError:
                continue
            if (found.st_dev, found.st_ino) not in seen:
                seen.add((found.st_dev, found.st_ino))
                total += found.st_size
    return total
