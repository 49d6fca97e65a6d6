"""Ends processes on this machine that belong to attempts which are over."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from labstudio.jobs import processes
from labstudio.jobs.runner import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from labstudio._studio import Studio

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
