"""Ends what belongs to attempts and kernels which are over: on this machine, and on computes."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import sqlalchemy as sa

from labstudio.database.tables import attempts, jobs, kernels
from labstudio.errors import StudioError
from labstudio.jobs import processes
from labstudio.jobs.runner import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labstudio._studio import Studio
    from labstudio.compute.opened import OpenComputes

log = logging.getLogger(__name__)


def end_strays(studio: Studio) -> int:
    """End what is left of attempts that have ended; return how many processes.

    An attempt that was given up because its worker was out of reach may still run here; so may what
    the code of a killed runner had started. A runner that wrote its result and lives is just
    leaving, or keeps its kernel for somebody to look at.
    """
    found = {key for key in _marks(studio) if _over(studio, key)}
    killed = []
    for key in studio.jobs.store.ended(found):
        killed += processes.kill_attempt(studio.home.attempt(*key))
    if killed:
        log.warning("Ended %s processes of attempts that are over.", len(killed))
    return len(killed)


def sweep_computes(studio: Studio, computes: OpenComputes) -> int:
    """Have every compute remove what dead processes of this studio left there; return how many.

    Those that nothing runs on now are asked too: a daemon that was killed may have left something.
    Computes that no file names any more are forgotten first.
    """
    if gone := studio.computes.catalogue.prune():
        log.info("No compute.toml names these any more: %s", ", ".join(gone))
    removed = 0
    for name, entry in studio.computes.catalogue.entries().items():
        if entry.settings is None:
            continue
        keep = _kept(studio)
        try:
            removed += computes.get(name).sweep(keep)
        except StudioError as error:
            log.info("%s is not swept now: %s", name, error)
        except Exception:
            # A kind's own fault must not keep the others from being swept.
            log.exception("%s cannot be swept.", name)
    if removed:
        log.warning("Removed %s leftovers of dead processes from computes.", removed)
    return removed


def _kept(studio: Studio) -> set[str]:
    """Return the marks of attempts, and the ids of kernels, that may still run."""
    open_attempts = sa.select(attempts.c.job_id, attempts.c.number).where(
        attempts.c.ended_at.is_(None)
    )
    handed_out = sa.select(jobs.c.id, jobs.c.dispatched).where(
        jobs.c.state == "queued", jobs.c.dispatched > jobs.c.attempt
    )
    living = sa.select(kernels.c.id).where(kernels.c.ended_at.is_(None))
    with studio.database.read() as connection:
        pairs = [*connection.execute(open_attempts), *connection.execute(handed_out)]
        return {f"{job}/{number}" for job, number in pairs} | set(connection.scalars(living))


def _over(studio: Studio, key: tuple[str, int]) -> bool:
    folder = studio.home.attempt(*key)
    return protocol.read_result(folder) is None or not protocol.is_alive(folder)


def _marks(studio: Studio) -> Iterator[tuple[str, int]]:
    """Return the attempts that processes of this home are marked with."""
    home = b"LABSTUDIO_HOME=" + os.fsencode(studio.home.path)
    mark = protocol.ATTEMPT_VARIABLE.encode() + b"="
    for pid in psutil.pids():
        try:
            environment = (Path("/proc") / str(pid) / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if home not in environment:
            continue
        for entry in environment:
            job_id, _, number = entry.removeprefix(mark).strip(b" ").partition(b"/")
            if entry.startswith(mark) and number.isdigit():
                yield job_id.decode(), int(number)
