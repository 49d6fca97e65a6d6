"""Workers say that they live; what one that fell silent had is taken over."""

from __future__ import annotations

import logging
import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from labstudio._version import __version__
from labstudio.daemon.identity import host
from labstudio.database.tables import attempts, workers
from labstudio.jobs.models import JobError, JobState
from labstudio.jobs.runner import protocol
from labstudio.jobs.store import now

if TYPE_CHECKING:
    from labstudio._studio import Studio
    from labstudio.daemon.queue import DurableQueue

log = logging.getLogger(__name__)

# The heartbeat of a worker that said good-bye and leaves work behind: taken over at once.
GONE = datetime(1970, 1, 1, tzinfo=UTC)


class Workers:
    """One worker among the others of its database.

    Parameters
    ----------
    studio
        The studio that they serve.
    worker
        This one's id.
    queue
        Where attempts of lost workers go back to.
    """

    def __init__(self, studio: Studio, worker: str, queue: DurableQueue) -> None:
        self._studio = studio
        self._worker = worker
        self._queue = queue
        self._started_at = now()
        self._heard: dict[str, tuple[datetime, float]] = {}

    def beat(self) -> None:
        """Say that this worker lives."""
        values = {
            "host": host(),
            "pid": os.getpid(),
            "version": __version__,
            "started_at": self._started_at,
            "heartbeat_at": now(),
        }
        with self._studio.database.begin() as connection:
            known = connection.execute(
                workers.update().where(workers.c.id == self._worker).values(**values)
            ).rowcount
            if not known:
                connection.execute(workers.insert().values(id=self._worker, **values))

    def leave(self, *, returns: bool) -> None:
        """Say good-bye.

        Parameters
        ----------
        returns
            Whether this worker comes back under its id and takes up its attempts itself. What
            another one had is taken over by whoever lives, at once.
        """
        own = workers.c.id == self._worker
        with self._studio.database.begin() as connection:
            if returns:
                connection.execute(workers.delete().where(own))
            else:
                connection.execute(workers.update().where(own).values(heartbeat_at=GONE))

    def take_over(self) -> int:
        """Take over what workers not heard from had; return how many attempts.

        An attempt on this machine is handed out again: whoever takes it finds its runner alive, or
        dead. One on another machine cannot be reached any more: it is ended as interrupted, and the
        job's own policy says whether it is tried again.

        A worker is not heard from when its heartbeat has stood still for long, by this process's
        own clock: the clocks of two machines need not agree.
        """
        with self._studio.database.read() as connection:
            others = connection.execute(
                sa.select(workers).where(workers.c.id != self._worker)
            ).all()
        self._heard = {
            row.id: self._heard[row.id]
            if self._heard.get(row.id, (None,))[0] == row.heartbeat_at
            else (row.heartbeat_at, time.monotonic())
            for row in others
        }
        limit = time.monotonic() - self._studio.config.worker_timeout_s
        return sum(
            self._take_over(row.id, row.host, row.heartbeat_at)
            for row in others
            if row.heartbeat_at == GONE or self._heard[row.id][1] < limit
        )

    def _take_over(self, worker: str, where: str, heard: datetime) -> int:
        """Take over one worker's attempts. Every step may be repeated; its row goes last."""
        moved = 0
        if where != host():
            moved += self._give_up(worker, where)
        # What it had taken and not yet begun is nowhere: that is handed out in any case.
        moved += self._queue.put_back(worker)
        with self._studio.database.begin() as connection:
            gone = connection.execute(
                workers.delete().where(workers.c.id == worker, workers.c.heartbeat_at == heard)
            ).rowcount
        if gone:
            log.warning("Worker %s is gone; took over %s attempts.", worker, moved)
        return moved

    def _give_up(self, worker: str, where: str) -> int:
        """End the attempts of a worker on a machine that is out of reach."""
        with self._studio.database.read() as connection:
            lost = connection.execute(
                sa.select(attempts.c.job_id, attempts.c.number).where(
                    attempts.c.worker == worker, attempts.c.ended_at.is_(None)
                )
            ).all()
        moved = 0
        for row in lost:
            if protocol.is_alive(self._studio.home.attempt(row.job_id, row.number)):
                continue  # It runs here: the machine changed its name.
            error = JobError(
                type="Lost", message=f"Worker {worker} on {where} was not heard from any more."
            )
            self._queue.forget(row.job_id, row.number)
            self._studio.jobs.store.finish_attempt(
                self._studio.jobs.store.detail(row.job_id),
                row.number,
                JobState.interrupted,
                error=error,
            )
            moved += 1
        return moved
